"""Rights in PostgreSQL itself: they hold whatever program is used."""

# ruff: noqa: S608 - the SQL is made of our own tables

from __future__ import annotations

from collections.abc import Callable, Iterator

import psycopg
import pytest

from csctl.domain.states import Role
from tests.factories import make_customer, make_order, make_price, make_sale
from tests.postgres import Server
from tests.running import Done
from tests.selection import on_postgresql
from tests.shops import Shop
from tests.trust.logins import as_login, grant, psql, url_of

pytestmark = [pytest.mark.usefixtures("backend"), on_postgresql]


@pytest.fixture
def alone(postgres: Server) -> Iterator[None]:
    with postgres.alone():
        yield


@pytest.fixture
def granted(shop: Shop, postgres: Server, alone: None) -> Shop:
    """A shop whose database has the groups, and a login in each of them."""
    grant(shop, postgres)
    return shop


def denied(shop: Shop, role: Role, statement: str) -> bool:
    """Whether PostgreSQL refuses a statement for lack of rights. What else may be wrong with it does not matter."""
    with psql(shop, role) as connection:
        try:
            connection.execute(statement.encode())
        except psycopg.errors.InsufficientPrivilege:
            return True
        except psycopg.Error:
            return False
        return False


FORBIDDEN = (
    "INSERT INTO blacklist (kind, value, match_key, reason, created_at) VALUES ('ip', 'x', 'x', 'x', now())",
    "DELETE FROM blacklist",
    "UPDATE operators SET role = 'admin'",
    "UPDATE operators SET disabled_at = NULL",
    "INSERT INTO operators (name, role, token_hash, created_at) VALUES ('x', 'admin', 'x', now())",
    "UPDATE settings SET value = '1000000 USD'",
    "INSERT INTO settings VALUES ('agent-refund-limit:USD', '1000000 USD', now())",
    "INSERT INTO notify_emails (address, created_at) VALUES ('x@example.com', now())",
    "UPDATE audit SET operator = 'somebody else'",
    "DELETE FROM audit",
    "TRUNCATE audit",
    "INSERT INTO audit (id, at, command, changes, outcome) VALUES (99, now(), 'x', '{}', 'x')",
    "ALTER TABLE audit DISABLE TRIGGER ALL",
    "DROP TRIGGER audit_no_change ON audit",
    "DELETE FROM audit_seals",
    "UPDATE transactions SET amount = 1000000",
    "UPDATE transactions SET created_by = 1",
    "UPDATE transactions SET parent_id = NULL",
    "UPDATE approvals SET amount = 1",
    "UPDATE approvals SET requested_by = 1",
    "INSERT INTO approval_decisions (approval_id, state, decided_at) VALUES (1, 'granted', now())",
    "INSERT INTO approval_decisions (approval_id, state, decided_at) VALUES (1, 'denied', now())",
    "UPDATE approval_decisions SET state = 'granted'",
    "DELETE FROM approval_decisions",
    "UPDATE runs SET command = 'setting set', arguments = '[]'",
    "UPDATE runs SET operator_id = 1",
    "UPDATE runs SET by_ids = false",
    "UPDATE run_records SET given = 'txn_1'",
    "UPDATE run_records SET run_id = 1",
    "UPDATE installation SET rehearsal = true",
    "UPDATE alembic_version SET version_num = 'x'",
    "CREATE TABLE mine (id int)",
    "DROP TABLE customers",
    "SET ROLE csctl_admin",
    "SELECT setval('audit_id_seq', 1)",
)


@pytest.mark.parametrize("role", [Role.AGENT, Role.SERVICE])
def test_an_agent_and_a_cron_cannot_with_psql_what_they_cannot_with_csctl(granted: Shop, role: Role) -> None:
    assert [statement for statement in FORBIDDEN if not denied(granted, role, statement)] == []


def test_even_an_admin_cannot_change_the_audit_log_or_the_schema(granted: Shop) -> None:
    for statement in ("UPDATE audit SET outcome = 'x'", "DELETE FROM audit", "TRUNCATE audit", "DROP TABLE customers"):
        assert denied(granted, Role.ADMIN, statement), statement


def test_an_agent_cannot_block_the_audit_log(granted: Shop) -> None:
    assert denied(granted, Role.AGENT, "SELECT audit_newest_row()")
    assert not denied(granted, Role.SERVICE, "SELECT audit_newest_row()")


def test_an_agent_whose_gateway_refuses_him_leaves_nothing_reserved(granted: Shop) -> None:
    sale = make_sale(granted)
    wrong = {"CSCTL_DATABASE_URL": url_of(granted, Role.AGENT)}
    wrong["CSCTL_GATEWAY_MAIN"] = f"sandbox:{granted.sandbox}?credentials=wrong"

    assert granted(f"txn refund {sale} --yes", as_="agent", env=wrong).code == 11
    assert granted(f"txn show {sale} -o json").json["refundable"] == "19.99"


def test_the_work_of_an_admin_works_under_the_admins_login(granted: Shop) -> None:
    keep, other, gone = (make_customer(granted) for _ in range(3))
    make_price(granted)
    rows = granted.folder / "rows.csv"
    rows.write_text("external_id,first_name\nE1,Eve\n")
    commands = (
        "operator create new --role agent",
        "operator rotate-token new --expires 2026-12-31",
        "operator disable new",
        "setting set timezone Europe/Berlin",
        "setting unset timezone",
        "queue notify add boss@example.com",
        "queue notify remove boss@example.com",
        f"blacklist add --customer {keep} --reason fraud --cancel-purchases --yes",
        "blacklist remove bli_1",
        f"customer merge {keep} {other} --yes",
        f"customer erase {gone} --yes",
        f"data import customers {rows}",
        "sandbox adopt",
        "db status",
        "db check",
        "audit list",
        "audit seal",
        "audit verify",
    )

    for words in commands:
        done = as_login(granted, Role.ADMIN, words)
        assert done.code == 0, f"{words}: {done.err}"


def test_a_borrowed_admins_token_is_of_no_use_under_an_agents_login(granted: Shop) -> None:
    words = (
        "blacklist add --ip 203.0.113.7 --reason x --yes",
        "setting set shop-name X",
        "queue notify add a@b.example",
    )
    for one in words:
        done = as_login(granted, Role.AGENT, one, token=Role.ADMIN)

        assert done.code == 6, done.err
        assert "Traceback" not in done.err
    assert granted.sql("SELECT * FROM blacklist") == []
    trail = granted.sql("SELECT command, operator FROM audit WHERE outcome = 'refused'")
    assert [(row["command"], row["operator"]) for row in trail] == [
        ("blacklist add", "admin"),
        ("setting set", "admin"),
        ("queue notify add", "admin"),
    ]


_TIMES = ("infinity", "-infinity", "20000-01-01", "4000-01-01 BC")


@pytest.mark.parametrize("role", [Role.AGENT, Role.SERVICE])
def test_no_login_writes_what_stops_csctl_for_all(granted: Shop, role: Role) -> None:
    customer = make_customer(granted, last_name="Quimby")
    sale = make_sale(granted, order=make_order(granted, customer))
    for time in _TIMES:
        with psql(granted, role) as connection, pytest.raises(psycopg.errors.CheckViolation):
            connection.execute(f"UPDATE operators SET last_used_at = '{time}'".encode())
        with psql(granted, role) as connection:
            connection.execute(f"UPDATE transactions SET finished_at = '{time}', attempt_on = '{time}'".encode())
            connection.execute(f"UPDATE orders SET cancelled_at = '{time}'".encode())
            connection.commit()
        for words in ("whoami", "customer search quimby", f"txn show {sale} -o json", "txn list", "operator list"):
            done = granted(words)
            assert done.code == 0, f"{time}, {words}: {done.err}"


_REFUSED = (psycopg.errors.RaiseException, psycopg.errors.InsufficientPrivilege)
_ROWS = (
    "'infinity', 'x', '{}', 'x'",
    "'20000-01-01', 'x', '{}', 'x'",
    "'4000-01-01 BC', 'x', '{}', 'x'",
    "now(), 'x', '[]', 'x'",
    "now(), 'x', json_build_object('a', repeat('x', 200000)), 'x'",
    """now(), 'audit seal', '{"root":"x"}', 'created'""",
)


def test_an_agent_cannot_write_audit_rows_that_are_unreadable_or_about_seals(granted: Shop) -> None:
    for row in _ROWS:
        with psql(granted, Role.AGENT) as connection, pytest.raises(_REFUSED):
            connection.execute(f"INSERT INTO audit (at, command, changes, outcome) VALUES ({row})".encode())


@pytest.mark.parametrize(
    "changes", ['{"a": ' + "9" * 5000 + "}", '{"a": ' + "[" * 3000 + "]" * 3000 + "}", '{"a": "\\ud800"}']
)
def test_an_audit_row_that_python_cannot_read_is_shown_as_it_is(granted: Shop, changes: str) -> None:
    with psql(granted, Role.AGENT) as connection:
        connection.execute(
            b"INSERT INTO audit (at, command, changes, outcome) VALUES (now(), 'x', %s, 'x')", (changes,)
        )
        connection.commit()

    for words in ("audit list", "audit list -o json", "audit list -o csv", "audit seal", "audit verify"):
        done = granted(words)
        assert done.code == 0, f"{words}: {done.err}"


def test_on_a_shop_in_earnest_the_time_of_a_row_is_now(granted: Shop) -> None:
    granted.sql("UPDATE installation SET rehearsal = false")
    for time in ("now() - interval '11 minutes'", "now() + interval '11 minutes'", "now() - interval '9 minutes'"):
        insert = f"INSERT INTO audit (at, command, changes, outcome) VALUES ({time}, 'x', '{{}}', 'x')"
        with psql(granted, Role.AGENT) as connection:
            if "11" in time:
                with pytest.raises(psycopg.DatabaseError, match="clocks"):
                    connection.execute(insert.encode())
            else:
                connection.execute(insert.encode())


def test_an_owner_without_a_superusers_rights_can_set_it_all_up(
    granted: Shop, postgres: Server, csctl: Callable[..., Done]
) -> None:
    """The walk-through of docs/security.md."""
    postgres.run(
        "DROP DATABASE IF EXISTS walk",
        "DROP ROLE IF EXISTS guest",
        "DROP ROLE IF EXISTS shop_owner",
        "CREATE ROLE shop_owner LOGIN CREATEROLE",
        # The groups are there from the fixture; else the owner would have made them, and this came by itself.
        *(f"GRANT csctl_{role.value} TO shop_owner WITH ADMIN OPTION" for role in Role),
        "CREATE DATABASE walk OWNER shop_owner TEMPLATE template0",
        "REVOKE CONNECT, TEMPORARY ON DATABASE walk FROM PUBLIC",
    )
    owner = {"CSCTL_DATABASE_URL": postgres.url("walk", "shop_owner")}
    token = csctl("db init --admin jane -o json", env=owner).json["token"]
    applied = csctl("db grants --apply", env={**owner, "CSCTL_TOKEN": token})
    assert applied.code == 0, applied.err
    with psycopg.connect(f"host={postgres.directory} user=shop_owner dbname=walk") as connection:
        connection.execute("GRANT CONNECT ON DATABASE walk TO csctl_agent")
        connection.execute("CREATE ROLE guest LOGIN IN ROLE csctl_agent")

    agent = csctl("operator create guest --role agent -o json", env={**owner, "CSCTL_TOKEN": token}).json["token"]
    env = {"CSCTL_DATABASE_URL": postgres.url("walk", "guest"), "CSCTL_TOKEN": agent}
    assert csctl("customer create --first-name Ann", env=env).code == 0
    assert csctl("blacklist add --ip 203.0.113.7 --reason x --yes", env={**env, "CSCTL_TOKEN": token}).code == 6


def test_only_the_owner_changes_schema_and_rights(granted: Shop) -> None:
    assert as_login(granted, Role.ADMIN, "db grants").code == 0
    refused = as_login(granted, Role.ADMIN, "db grants --apply")
    assert (refused.code, "the owner of the tables" in refused.err) == (6, True), refused.err


def test_grants_can_be_applied_again_and_take_back_what_was_given_besides(granted: Shop) -> None:
    granted.sql("GRANT DELETE ON audit TO csctl_agent")
    granted.sql("GRANT INSERT ON blacklist TO PUBLIC")

    assert granted("db grants --apply").code == 0

    assert denied(granted, Role.AGENT, "DELETE FROM audit WHERE false")
    assert denied(granted, Role.AGENT, "INSERT INTO blacklist (kind) VALUES ('x')")


def test_doctor_notices_rights_of_an_older_version(granted: Shop) -> None:
    def found() -> list[str]:
        return [row["fix"] for row in granted("doctor -o json").json if row["check"] == "grants"]

    assert found() == [None]

    granted.sql("REVOKE UPDATE (gateway_code) ON transactions FROM csctl_agent")
    assert found() == ["csctl db grants --apply"]

    granted("db grants --apply")
    granted.sql("GRANT INSERT ON customers TO csctl_agent")  # of the number of the row, too
    assert found() == ["csctl db grants --apply"]


def test_what_is_printed_is_what_apply_carries_out(granted: Shop) -> None:
    printed = granted("db grants").out

    for statement in printed.split(";\n"):
        if statement.strip():
            granted.sql(statement.replace(":", r"\:"))
    assert not denied(granted, Role.AGENT, "SELECT * FROM customers")
