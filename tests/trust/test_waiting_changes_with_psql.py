"""A malicious agent with a database login makes no other process cancel or move the billing of others."""

# ruff: noqa: S608 - the SQL is the attack

from __future__ import annotations

import psycopg
import pytest

from csctl.domain.states import Role
from tests.billing.catalog import change_card, make_buyer, purchase, subscribe
from tests.factories import number
from tests.selection import on_postgresql
from tests.shops import Shop
from tests.trust.logins import as_login, psql, refused

pytestmark = on_postgresql
_DAY, _LATER = "2026-04-02T09:00:00Z", "2026-04-02T09:10:00Z"
_WAIT = (
    "INSERT INTO deferred_changes (charge_id, order_id, purchase_id, bill_on, created_at)"
    " VALUES ({charge}, {order}, {purchase}, {day}, now())"
)


@pytest.fixture
def charge(granted: Shop) -> int:
    """A charge of the first subscription, whose answer was lost."""
    buyer = make_buyer(granted)
    subscribe(granted, customer=buyer)
    change_card(granted, buyer, "tok_charge_timeout_applied")
    granted("billing run", as_="service", at=_DAY)
    return number(granted("txn list --state unknown -o name").out.strip())


def waiting(charge: int, *, order: str = "NULL", purchase: str = "NULL", day: str = "NULL") -> str:
    return _WAIT.format(charge=charge, order=order, purchase=purchase, day=day)


def test_a_change_waits_for_a_charge_of_its_own_order_alone(granted: Shop, charge: int) -> None:
    other = number(subscribe(granted))
    answered = number(granted(f"txn list --order ord_{other} -o name").out.strip())

    for attack in (
        waiting(charge, order=str(other)),
        waiting(charge, purchase=str(other)),
        waiting(charge, purchase=str(other), day="'2026-05-01'"),
        waiting(answered, purchase=str(other)),
    ):
        assert refused(granted, Role.AGENT, attack), attack
    assert as_login(granted, Role.AGENT, "purchase cancel pur_1 --yes").code == 0
    for attack in (
        f"UPDATE deferred_changes SET purchase_id = {other}",
        f"UPDATE deferred_changes SET charge_id = {answered}",
        "DELETE FROM deferred_changes",
    ):
        assert refused(granted, Role.AGENT, attack), attack
    granted("txn reconcile", as_="service", at=_LATER)

    assert [purchase(granted, name)["status"] for name in ("pur_1", f"pur_{other}")] == ["cancelled", "active"]


@pytest.mark.parametrize("damaged", ["bill_on = 'infinity'", "created_at = '-infinity'"])
def test_a_change_on_no_day_is_not_stored(granted: Shop, charge: int, damaged: str) -> None:
    assert as_login(granted, Role.AGENT, "purchase billing-date pur_1 2026-04-20 --yes").code == 0

    with psql(granted, Role.AGENT) as connection, pytest.raises(psycopg.errors.CheckViolation):
        connection.execute(f"UPDATE deferred_changes SET {damaged}".encode())


def test_a_refund_cancels_nothing_that_it_is_not_for(granted: Shop) -> None:
    one, other = subscribe(granted), subscribe(granted)
    assert granted(f"purchase cancel {one} --refund-last --yes", as_="agent").code == 0
    assert purchase(granted, one)["status"] == "cancelled"

    carried = f"cancels = 'purchase', cancels_purchase_id = {number(other)}"
    assert refused(granted, Role.AGENT, f"UPDATE transactions SET {carried} WHERE kind <> 'sale'")
    assert refused(granted, Role.AGENT, "UPDATE transactions SET cancels = 'order' WHERE kind <> 'sale'")
    add = (
        "INSERT INTO transactions (order_id, parent_id, kind, state, amount, currency, gateway, key, refunded,"
        " reserved, send_email, created_at, created_by, cancels, cancels_purchase_id) SELECT order_id, id, 'void',"
        " 'sent', amount, currency, gateway, 'k1', 0, 0, true, now(), (SELECT id FROM operators WHERE role = 'agent'),"
        " 'purchase', {purchase} FROM transactions"
        f" WHERE order_id = {number(other)}"
    )
    reserve = f"UPDATE transactions SET reserved = amount WHERE order_id = {number(other)} AND kind = 'sale'"
    assert refused(granted, Role.AGENT, add.format(purchase=number(one)), reserve)
    assert not refused(granted, Role.AGENT, add.format(purchase=number(other)), reserve)
