"""An agent's login can neither hold up the sealing of the audit log nor forge it, nor block an upgrade."""

from __future__ import annotations

import psycopg
import pytest

from csctl.domain.states import Role
from tests.factories import make_customer
from tests.selection import on_postgresql
from tests.shops import Shop
from tests.trust.logins import as_login, psql, refused

pytestmark = on_postgresql
_ROW = "INSERT INTO audit (at, command, changes, outcome) VALUES (now(), 'x', '{}', 'x')"


def test_a_row_says_which_login_wrote_it(granted: Shop) -> None:
    customer = make_customer(granted)
    assert as_login(granted, Role.AGENT, f"customer note {customer} hello").code == 0

    newest = granted("audit list -o json").json[0]

    assert (newest["operator"], newest["login"]) == ("agent", "tim")
    with psql(granted, Role.AGENT) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(_ROW.replace("outcome)", "outcome, login)").replace("'x')", "'x', 'ada')"))


def test_an_open_transaction_does_not_stop_the_sealing(granted: Shop) -> None:
    customer = make_customer(granted)
    assert granted(f"customer note {customer} before").code == 0
    with psql(granted, Role.AGENT) as connection:
        connection.execute(_ROW.encode())
        during = granted("audit seal -o json", as_="service")
        assert granted(f"customer note {customer} after").code == 0
        connection.commit()

    later = granted("audit seal -o json", as_="service")

    assert during.code == later.code == 0, during.err
    assert during.json["rows"] > 0
    assert later.json["rows"] > 0
    assert granted("audit verify -o json").json == []


@pytest.mark.parametrize("role", [Role.ADMIN, Role.SERVICE])
def test_a_seal_that_is_not_the_next_one_is_refused(granted: Shop, role: Role) -> None:
    assert granted("audit seal").code == 0
    columns = "number, at, first_id, last_id, last_at, leaves, previous, hash"
    seal = f"INSERT INTO audit_seals ({columns}) VALUES ({{0}}, 'x', 1, {{1}}, 'x', 'x', 'x', 'x')"  # noqa: S608

    assert refused(granted, role, seal.format(7, 1)), "not the next number"
    assert refused(granted, role, seal.format(2, 10**9)), "beyond the last row"


def test_advisory_locks_of_an_agent_do_not_block_an_upgrade(granted: Shop) -> None:
    with psql(granted, Role.AGENT) as connection:
        connection.execute(f"SELECT pg_advisory_lock({int.from_bytes(b'csctl')})".encode())

        assert granted("db upgrade").code == 0
        assert refused(granted, Role.AGENT, "LOCK TABLE alembic_version IN EXCLUSIVE MODE")
