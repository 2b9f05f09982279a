"""`txn sync` learns what happened at the gateways, many operations a call, and books it once."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from decimal import Decimal

import pytest

from csctl.gateways.conformance.server import Fault
from tests.data.files import bring
from tests.factories import make_payment_method, make_price, make_purchase
from tests.gateways.conftest import SETTLING
from tests.gateways.ledgers.authorizenet import AuthorizeNetLedger
from tests.gateways.ledgers.nmi import NmiLedger
from tests.gateways.ledgers.stripe import StripeLedger
from tests.gateways.worlds import World
from tests.selection import on_sqlite

pytestmark = on_sqlite
settling = pytest.mark.parametrize("world", SETTLING, indirect=True)


def sync(world: World) -> list[dict[str, object]]:
    done = world.shop("txn sync -o json", as_="service")
    assert done.code in (0, 9), done.err
    return list(done.json)


def no_problems(world: World) -> None:
    checked = world.shop("db check")
    assert checked.code == 0, checked.out


def test_a_lost_answer_is_settled_with_the_others(world: World) -> None:
    sale, reference = world.sale()
    world.ledger.fail_next(Fault(cut=0))
    assert world.shop(f"txn refund {sale} --amount 8.00 --yes").code == 9
    world.later(timedelta(hours=1))

    sync(world)

    (refund,) = world.shop("txn list --kind refund -o json").json
    assert (refund["state"], refund["amount"]) == ("approved", "8.00")
    assert world.returned(reference) == world.booked(sale) == Decimal("8.00")
    no_problems(world)


def test_a_refund_by_hand_is_booked_once_however_often_it_is_reported(world: World) -> None:
    sale, reference = world.sale()
    world.refund_outside(reference, "15.00")

    for _ in range(3):
        world.later(timedelta(days=1))
        sync(world)

    world.shop.sql("DELETE FROM gateway_cursors")  # all of it is reported once more
    sync(world)

    rows = list(csv.DictReader(io.StringIO(world.shop("data export transactions").out)))
    learned = next(row for row in rows if row["kind"] == "refund")
    again = bring(world.shop, "transactions", {**learned, "external_id": "re_1", "payment_method": ""})

    assert again.json["unchanged"] == 1, again.err
    assert world.booked(sale) == Decimal("15.00")
    (refund,) = world.shop("txn list --kind refund -o json").json
    assert refund["amount"] == "15.00"
    no_problems(world)


@pytest.mark.parametrize("world", ["nmi", "stripe"], indirect=True)
def test_a_refund_that_the_books_had_lost_and_that_came_back_remains_again(world: World) -> None:
    sale, _ = world.sale()
    world.shop(f"txn refund {sale} --amount 8.00 --yes")
    (refund,) = world.shop("txn list --kind refund -o json").json
    # as a restored database learns it
    world.shop.sql("UPDATE transactions SET outside = 'gateway', key = NULL WHERE kind = 'refund'")
    world.later(timedelta(days=3))
    assert isinstance(world.ledger, NmiLedger | StripeLedger)
    world.ledger.bring_back(refund["gateway_ref"])
    world.later(timedelta(hours=12))

    done = world.shop("txn sync", as_="service")

    assert "8.00 USD" in done.err
    assert world.booked(sale) == Decimal(0)
    (refund,) = world.shop("txn list --kind refund -o json").json
    assert (refund["state"], refund["reason"]) == ("failed", "returned")
    assert world.shop("queue list -o json").json == []
    no_problems(world)


def test_a_cheque_is_not_taken_for_a_refund_by_hand(world: World) -> None:
    sale, reference = world.sale()
    world.shop(f"txn refund {sale} --amount 5.00 --outside 'cheque 118' --yes")
    world.refund_outside(reference, "4.00")

    world.later(timedelta(days=1))
    sync(world)

    assert world.booked(sale) == Decimal("9.00")
    no_problems(world)


def test_refunds_by_hand_and_ours_are_distinguished(world: World) -> None:
    sale, reference = world.sale()
    world.shop(f"txn refund {sale} --amount 3.00 --yes")
    world.refund_outside(reference, "3.00")

    world.later(timedelta(days=1))
    sync(world)

    assert world.returned(reference) == world.booked(sale) == Decimal("6.00")
    no_problems(world)


def test_a_queued_refund_that_was_made_by_hand_leaves_the_queue(world: World) -> None:
    sale, reference = world.sale()
    world.decline()
    world.shop(f"txn refund {sale} --amount 8.00 --yes")
    world.refund_outside(reference, "8.00")
    world.later(timedelta(days=1))

    sync(world)
    world.shop("queue retry", as_="service")

    (item,) = world.shop("queue list --state any -o json").json
    assert item["state"] == "resolved"
    assert world.returned(reference) == world.booked(sale) == Decimal("8.00")
    no_problems(world)


def test_a_queued_refund_that_no_longer_fits_is_reduced_to_what_does(world: World) -> None:
    sale, reference = world.sale()
    world.decline()
    world.shop(f"txn refund {sale} --amount 8.00 --yes")
    world.refund_outside(reference, "15.00")
    world.later(timedelta(days=1))

    sync(world)
    world.shop("queue retry", as_="service")

    assert world.returned(reference) == world.booked(sale) == Decimal("20.00")
    assert world.shop("queue list --state any -o json").json[0]["amount"] == "5.00"
    no_problems(world)


def test_nothing_is_booked_while_a_refund_of_ours_is_unknown(world: World) -> None:
    sale, reference = world.sale()
    world.ledger.fail_next(Fault(effect=False, cut=0))
    world.shop(f"txn refund {sale} --amount 8.00 --yes")
    world.refund_outside(reference, "5.00")
    world.later(timedelta(hours=1))

    sync(world)

    assert world.booked(sale) == 0
    world.later(world.absent_after + timedelta(days=1))
    world.shop("txn reconcile", as_="service")
    sync(world)
    assert world.booked(sale) == Decimal("5.00")
    no_problems(world)


@settling
def test_many_unsettled_sales_take_few_calls(world: World) -> None:
    for _ in range(60):
        world.sale(settled=False)
    world.later(timedelta(days=1))
    world.ledger.wire.clear()

    sync(world)

    assert len(world.ledger.wire) <= 6
    rows = world.shop("txn list --settlement settled --limit 100 -o json").json
    assert len(rows) == 60
    world.ledger.wire.clear()
    world.later(timedelta(days=1))
    assert sync(world) == []
    assert len(world.ledger.wire) <= 6


def test_refunds_that_may_come_back_are_not_asked_about_one_by_one(world: World) -> None:
    sales = " ".join(world.sale()[0] for _ in range(15))
    assert world.shop(f"txn refund {sales} --amount 8.00 --yes --no-email").code == 0
    world.later(timedelta(days=1))
    sync(world)
    for step in (timedelta(days=3), world.watch - timedelta(days=4, hours=1), timedelta(days=2)):
        world.later(step)
        world.ledger.wire.clear()
        sync(world)
        assert len(world.ledger.wire) < 15

    missing = "SELECT id FROM transactions WHERE kind = 'refund' AND looked_at < watch_until"
    assert world.shop.sql(missing) == []


@pytest.mark.parametrize("world", ["stripe"], indirect=True)
def test_a_charge_that_can_still_be_confirmed_is_never_taken_for_declined(world: World) -> None:
    assert isinstance(world.ledger, StripeLedger)
    price = make_price(world.shop, amount="30.00", interval="month")
    method = make_payment_method(world.shop, token="cus_1/pm_authentication")
    today = world.shop.now[:10]
    make_purchase(world.shop, price=price, payment_method=method, status="active", next_bill_on=today)
    world.ledger.fail_next(Fault(effect=False, cut=0), times=2, matches=lambda request: "/cancel" in request.path)
    assert world.shop("billing run", as_="service").code == 9
    intent = next(one for one in world.ledger.objects.values() if one["object"] == "payment_intent")
    sync(world)
    assert world.shop("txn list --kind sale -o json").json[0]["state"] == "unknown"

    intent.update(status="succeeded", amount_received=intent["amount"])  # the customer confirms it
    world.later(timedelta(hours=1))
    world.shop("txn reconcile", as_="service")

    assert world.shop("txn list --kind sale -o json").json[0]["state"] == "approved"


@pytest.mark.parametrize("world", ["stripe"], indirect=True)
def test_the_reference_that_a_bank_finds_a_refund_by_is_shown(world: World) -> None:
    assert isinstance(world.ledger, StripeLedger)
    sale, _ = world.sale()
    refund = world.shop(f"txn refund {sale} --amount 8.00 --yes -o json").json[0]["transaction_id"]
    one = next(one for one in world.ledger.objects.values() if one["object"] == "refund")
    one["destination_details"] = {"card": {"reference": "7495841", "type": "refund"}}
    world.later(timedelta(days=1))

    sync(world)

    assert world.shop(f"txn show {refund} -o json").json["bank_reference"] == "7495841"
    assert "Reference at the bank" in world.shop(f"txn show {refund}").out


@settling
def test_a_sync_that_breaks_off_goes_on_where_it_was(world: World) -> None:
    world.sale(settled=False)
    sync(world)
    before = world.shop.sql("SELECT cursor FROM gateway_cursors")
    world.later(timedelta(days=1))
    world.ledger.fail_next(Fault(status=500, body=b""), times=1, matches=lambda request: True)

    world.shop("txn sync", as_="service")
    assert world.shop.sql("SELECT cursor FROM gateway_cursors") == before
    sync(world)

    (sale,) = world.shop("txn list --kind sale -o json").json
    assert sale["settlement"] == "settled"


@pytest.mark.parametrize("world", ["authorizenet"], indirect=True)
def test_a_chargeback_is_marked_and_unmarked(world: World) -> None:
    sale, reference = world.sale()
    assert isinstance(world.ledger, AuthorizeNetLedger)
    world.ledger.set_status(reference, "chargeback")
    world.shop(f"txn sync {sale}")
    assert world.shop(f"txn show {sale} -o json").json["disputed"]
    assert world.shop(f"txn refund {sale} --yes").code == 5

    world.ledger.set_status(reference, "chargebackReversal")
    world.shop(f"txn sync {sale}")

    assert not world.shop(f"txn show {sale} -o json").json["disputed"]
    assert world.shop(f"txn refund {sale} --yes").code in (0, 12)


@pytest.mark.parametrize("world", ["stripe"], indirect=True)
def test_an_inquiry_blocks_refunds_only_where_the_charge_is_not_refundable(world: World) -> None:
    assert isinstance(world.ledger, StripeLedger)
    sales = [world.sale(), world.sale()]
    for (_, reference), refundable in zip(sales, (True, False), strict=True):
        world.ledger.dispute(reference, "warning_needs_response", refundable=refundable)

    world.shop(f"txn sync {sales[0][0]} {sales[1][0]} --yes")

    disputed = [world.shop(f"txn show {sale} -o json").json["disputed"] for sale, _ in sales]
    assert disputed == [False, True]
