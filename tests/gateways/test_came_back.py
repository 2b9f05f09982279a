"""What was learned of a gateway, and came back or turns out to be an attempt of csctl, counts once."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from csctl.gateways.conformance.server import Fault
from tests.gateways.ledgers.nmi import NmiLedger
from tests.gateways.ledgers.stripe import StripeLedger
from tests.gateways.test_learning import no_problems, sync
from tests.gateways.worlds import World
from tests.selection import on_sqlite

pytestmark = on_sqlite


@pytest.mark.parametrize("world", ["stripe"], indirect=True)
def test_what_was_learned_from_a_total_and_came_back_remains_again(world: World) -> None:
    (sale, reference), (other, second) = world.sale(), world.sale()
    world.shop(f"txn refund {sale} --amount 3.00 --yes")
    assert isinstance(world.ledger, StripeLedger)
    learned, named = world.refund_outside(reference, "8.00"), world.refund_outside(second, "8.00")
    world.later(timedelta(days=1))
    world.shop(f"txn sync {sale} {other}")  # a look-up tells the total alone
    assert world.shop("txn sync txn_5 -o json").json[0]["outcome"] == "skipped"
    world.ledger.bring_back(learned)
    world.later(timedelta(hours=12))
    (difference,) = world.shop("txn reconcile --against main -o json").json
    assert difference["fix"] == f"csctl txn sync {sale}"

    done = world.shop("txn sync", as_="service")  # the refund that has its reference now comes back later
    mistake = world.shop("txn refund txn_5 --undo-outside --yes")
    world.ledger.bring_back(named)
    world.later(timedelta(hours=12))
    assert world.shop("txn sync txn_5 -o json").json[0]["outcome"] == "updated"

    assert "8.00 USD less" in done.err
    assert (mistake.code, named in mistake.err) == (5, True)
    assert world.returned(reference) == world.booked(sale) == Decimal("3.00")
    assert world.returned(second) == world.booked(other) == Decimal(0)
    assert world.shop("txn show txn_5 -o json").json["gateway_ref"] == named
    no_problems(world)


@pytest.mark.parametrize("world", ["stripe"], indirect=True)
def test_what_a_bank_took_above_the_rest_of_a_sale_is_not_paid_again(world: World) -> None:
    sale, reference = world.sale()
    world.shop(f"txn refund {sale} --amount 8.00 --yes")
    assert isinstance(world.ledger, StripeLedger)
    world.ledger.dispute(reference, "lost")
    world.later(timedelta(days=1))
    sync(world)
    assert world.shop(f"txn show {sale} -o json").json["over_returned"] == "8.00"
    world.ledger.bring_back(world.shop("txn list --kind refund -o json").json[1]["gateway_ref"])

    world.shop("txn sync txn_2")

    assert [item["state"] for item in world.shop("queue list --state any -o json").json] == ["exhausted"]
    no_problems(world)


@pytest.mark.parametrize("world", ["nmi"], indirect=True)
def test_a_refund_that_came_back_is_not_taken_for_one_by_hand(world: World) -> None:
    sale, _ = world.sale()
    world.shop(f"txn refund {sale} --amount 8.00 --yes")
    assert isinstance(world.ledger, NmiLedger)
    world.ledger.bring_back(world.shop("txn list --kind refund -o json").json[0]["gateway_ref"])
    world.later(timedelta(days=1))
    sync(world)

    world.shop(f"txn sync {sale}")  # the actions of the sale still have it

    assert [item["state"] for item in world.shop("queue list -o json").json] == ["queued"]
    assert world.booked(sale) == 0
    assert world.shop("txn reconcile --against main -o json").json == []


@pytest.mark.parametrize("role", ["service", "agent"])
@pytest.mark.parametrize("world", ["stripe"], indirect=True)
def test_an_attempt_that_was_carried_out_late_counts_once(world: World, role: str) -> None:
    sale, reference = world.sale()
    world.ledger.fail_next(Fault(effect=False, cut=0))
    world.shop(f"txn refund {sale} --amount 8.00 --yes")
    world.later(world.absent_after + timedelta(minutes=10))
    world.shop("txn reconcile", as_="service")
    ((key,),) = (row.values() for row in world.shop.sql("SELECT key FROM transactions WHERE kind = 'refund'"))
    world.ledger._make_refund(reference, 800, {"csctl_key": key})  # type: ignore[attr-defined]
    world.shop(f"txn sync {sale}")  # the total tells of it, and does not say that it is an attempt of csctl

    if role == "agent":
        world.shop("txn reconcile txn_2", as_=role)  # an agent takes back no record
    sync(world)

    assert world.returned(reference) == world.booked(sale) == Decimal("8.00")
    assert world.shop("txn show txn_2 -o json").json["state"] == "approved"
    no_problems(world)
