"""Real command lines against pretend gateways: what was paid out, and what the books say of it."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from csctl.gateways.conformance.server import Fault
from tests.data.files import CUSTOMER, METHOD, bring, bring_all, counts, reasons
from tests.factories import make_payment_method, make_price, make_purchase, make_sale
from tests.gateways.conftest import SETTLING
from tests.gateways.ledgers.authorizenet import AuthorizeNetLedger
from tests.gateways.worlds import World
from tests.selection import on_sqlite

pytestmark = on_sqlite
settling = pytest.mark.parametrize("world", SETTLING, indirect=True)


def test_a_refund_is_paid_once_and_settles(world: World) -> None:
    sale, reference = world.sale()

    done = world.shop(f"txn refund {sale} --amount 8.00 --yes -o json", as_="agent")

    assert done.code == 0, done.err
    assert done.json[0]["outcome"] == "refunded"
    assert world.returned(reference) == world.booked(sale) == Decimal("8.00")
    world.later(timedelta(days=1))
    assert world.shop("txn sync", as_="service").code == 0
    (refund,) = world.shop("txn list --kind refund -o json").json
    assert refund["settlement"] == "settled"


def test_the_rest_of_a_sale_is_returned_and_no_more(world: World) -> None:
    sale, reference = world.sale()

    codes = [world.shop(f"txn refund {sale} --amount {amount} --yes").code for amount in ("8.00", "12.00", "0.01")]

    assert codes == [0, 0, 5]
    assert world.returned(reference) == Decimal("20.00")


@settling
def test_a_void_takes_an_unsettled_sale_back(world: World) -> None:
    sale, reference = world.sale(settled=False)

    done = world.shop(f"txn void {sale} --yes -o json")

    assert (done.code, done.json[0]["outcome"]) == (0, "voided"), done.err
    assert world.returned(reference) == 0
    assert world.shop(f"txn show {sale} -o json").json["voided"]


@settling
def test_an_order_is_voided_before_its_sale_settles_and_refunded_after(world: World) -> None:
    old, settled = world.sale()
    new, unsettled = world.sale(settled=False)
    orders = [world.shop(f"txn show {sale} -o json").json["order_id"] for sale in (old, new)]

    outcomes = [world.shop(f"order refund {order} --yes -o json").json[0]["outcome"] for order in orders]

    assert outcomes == ["refunded", "voided"]
    assert (world.returned(unsettled), world.returned(settled)) == (Decimal(0), Decimal("20.00"))


@settling
def test_an_order_whose_sale_has_settled_since_is_refunded(world: World) -> None:
    sale, reference = world.sale(settled=False)  # as the books still have it
    order = world.shop(f"txn show {sale} -o json").json["order_id"]
    world.settle()

    done = world.shop(f"order refund {order} --yes -o json")

    assert (done.code, done.json[0]["outcome"]) == (0, "refunded"), done.err
    assert world.returned(reference) == Decimal("20.00")


def test_a_declined_refund_is_retried_by_the_queue(world: World) -> None:
    sale, reference = world.sale()
    world.decline()
    assert world.shop(f"txn refund {sale} --amount 8.00 --yes").code == 12

    world.later(timedelta(days=1))
    done = world.shop("queue retry -o json", as_="service")

    assert done.code == 0, done.err
    assert world.returned(reference) == world.booked(sale) == Decimal("8.00")


@pytest.mark.parametrize("effect", [True, False], ids=["paid", "not paid"])
def test_a_lost_answer_is_decided_by_asking(world: World, effect: bool) -> None:
    sale, reference = world.sale()
    world.ledger.fail_next(Fault(effect=effect, cut=0))
    assert world.shop(f"txn refund {sale} --amount 8.00 --yes").code == 9

    early = world.shop("txn reconcile -o json", as_="service")
    assert early.code == (0 if effect else 9)
    world.later(world.absent_after + timedelta(hours=1))
    world.shop("txn reconcile", as_="service")

    assert world.returned(reference) == world.booked(sale) == (Decimal("8.00") if effect else 0)
    assert len(world.ledger.written()) == 1
    for _ in range(4):
        world.later(timedelta(days=1))
        world.shop("queue retry", as_="service")
    assert world.returned(reference) == world.booked(sale) == Decimal("8.00")


@pytest.mark.parametrize("world", ["nmi"], indirect=True)
def test_what_may_be_another_operation_is_decided_by_a_person(world: World) -> None:
    sale, reference = world.sale()
    world.ledger.fail_next(Fault(effect=False, cut=0))
    refund = world.shop(f"txn refund {sale} --amount 8.00 --yes -o json").json[0]["transaction_id"]
    world.refund_outside(reference, "8.00")  # of the same amount, and without a key of csctl
    world.later(timedelta(hours=1))

    asked = world.shop(f"txn reconcile {refund} -o json")
    decided = world.shop(f"txn reconcile {refund} --as failed -o json")

    assert (asked.code, asked.json[0]["outcome"]) == (9, "unknown")
    assert "it may be one of" in asked.json[0]["error"]["cause"]
    assert (decided.code, decided.json[0]["outcome"]) == (0, "queued")


@pytest.mark.parametrize("world", ["stripe"], indirect=True)
def test_a_reference_that_cannot_be_printed_is_not_kept(world: World) -> None:
    sale, _ = world.sale()
    world.ledger.fail_next(Fault(change=lambda body: body.replace(b'"id": "re_', b'"id": "\\u001b[31mre_')))

    done = world.shop(f"txn refund {sale} --amount 8.00 --yes")
    asked = world.shop("txn reconcile -o json", as_="service")

    assert (done.code, "reference cannot be read" in done.err, asked.code) == (9, True, 0), done.err
    assert world.booked(sale) == Decimal("8.00")
    (refund,) = world.shop("txn list --kind refund -o json").json
    assert refund["gateway_ref"].startswith("re_")


@settling
def test_a_void_whose_answer_was_lost_is_found_voided(world: World) -> None:
    sale, _ = world.sale(settled=False)
    world.ledger.fail_next(Fault(cut=0))
    assert world.shop(f"txn void {sale} --yes").code == 9

    assert world.shop("txn reconcile", as_="service").code == 0

    assert world.shop(f"txn show {sale} -o json").json["voided"]
    assert len(world.ledger.written()) == 1


def test_a_gateway_that_is_down_is_not_an_attempt(world: World) -> None:
    sale, reference = world.sale()
    world.decline()
    world.shop(f"txn refund {sale} --amount 8.00 --yes")
    working = world.url
    world.shop.env["CSCTL_GATEWAY_MAIN"] = working.replace(world.ledger.base, "http://127.0.0.1:9")
    for _ in range(4):  # an outage of four days
        world.later(timedelta(days=1))
        world.shop("queue retry", as_="service")
    world.shop.env["CSCTL_GATEWAY_MAIN"] = working

    world.later(timedelta(days=1))
    world.shop("queue retry", as_="service")

    assert world.returned(reference) == Decimal("8.00")


def test_another_account_under_the_same_name_decides_nothing(world: World) -> None:
    sale, reference = world.sale()
    world.shop("txn sync", as_="service")
    world.ledger.fail_next(Fault(cut=0))
    world.shop(f"txn refund {sale} --amount 8.00 --yes")
    other = type(world.ledger)()
    other.now = world.ledger.now
    if isinstance(other, AuthorizeNetLedger):
        other.gateway_id = "GW-another"
    mine = world.shop.env["CSCTL_GATEWAY_MAIN"]
    world.shop.env["CSCTL_GATEWAY_MAIN"] = mine.replace(world.ledger.base, other.base)
    world.later(world.absent_after + timedelta(days=1))

    done = world.shop("txn reconcile", as_="service")
    other.close()

    assert done.code == 11, done.err
    world.shop.env["CSCTL_GATEWAY_MAIN"] = mine
    assert world.shop("txn reconcile", as_="service").code == 0
    for _ in range(4):
        world.later(timedelta(days=1))
        world.shop("queue retry", as_="service")
    assert world.returned(reference) == world.booked(sale) == Decimal("8.00")


def test_a_refund_made_on_the_gateways_own_page_is_learned(world: World) -> None:
    sale, reference = world.sale()
    world.refund_outside(reference, "15.00")

    world.later(timedelta(days=1))
    world.shop("txn sync", as_="service")

    assert world.booked(sale) == Decimal("15.00")
    assert world.shop(f"txn refund {sale} --amount 8.00 --yes").code == 5
    assert world.returned(reference) == Decimal("15.00")


def test_a_subscription_is_billed_with_its_token(world: World) -> None:
    price = make_price(world.shop, amount="30.00", interval="month")
    method = make_payment_method(world.shop, token=world.token)
    purchase = make_purchase(
        world.shop,
        unit_price="30.00",
        price=price,
        payment_method=method,
        status="active",
        next_bill_on=world.shop.now[:10],
    )

    done = world.shop("billing run -o json", as_="service")

    assert done.code == 0, done.err
    assert [row["outcome"] for row in done.json] == ["billed"]
    sales = world.shop("txn list --kind sale -o json").json
    assert [row["state"] for row in sales] == ["approved"]
    assert sales[0]["purchase_id"] == purchase
    assert world.shop("billing run -o json", as_="service").json == []
    kept = tuple(sales[0][name] for name in ("gateway_code", "gateway_request_id", "network_ref"))
    assert kept in (("100", None, None), ("succeeded", "req_1", None), ("1", None, f"NET{sales[0]['gateway_ref']}"))
    assert f"Gateway code {kept[0]}" in " ".join(world.shop(f"txn show {sales[0]['id']}").out.split())


@pytest.mark.parametrize("world", ["authorizenet"], indirect=True)
def test_a_later_charge_of_a_card_names_the_networks_reference_of_the_first(world: World) -> None:
    method = make_payment_method(world.shop, token=world.token)
    for first in ("NET-1", "NET-2"):
        given = {"gateway_ref": world.sell("19.99", settled=True), "network_ref": first}
        make_sale(world.shop, payment_method=method, adopt=False, settled=True, **given)
    for amount in ("30.00", "31.00"):
        price, today = make_price(world.shop, amount=amount, interval="month"), world.shop.now[:10]
        make_purchase(
            world.shop, unit_price=amount, payment_method=method, price=price, status="active", next_bill_on=today
        )

    assert world.shop("billing run --concurrency 2", as_="service").code == 0

    bodies = [request.body for request in world.ledger.written()]
    assert [b'"originalNetworkTransId": "NET-1"' in body for body in bodies] == [True, True]


def test_no_secret_is_in_anything_that_csctl_wrote(world: World) -> None:
    sale, _ = world.sale()
    secret = world.url.partition("?")[0].rpartition(":")[2]
    body = f"response=2&responsetext={secret}&response_code=200".encode()
    world.ledger.fail_next(Fault(effect=False, body=body))

    done = [
        world.shop(f"txn refund {sale} --amount 8.00 --yes --debug"),
        world.shop("doctor"),
        world.shop("config show"),
    ]

    assert all(secret not in one.out + one.err for one in done)  # nor in a file, at the end of each test


def test_the_books_are_compared_with_what_the_gateway_has_on_record(world: World) -> None:
    sale, _ = world.sale()
    world.shop(f"txn refund {sale} --amount 8.00 --yes")
    world.later(timedelta(days=1))
    world.shop("txn sync", as_="service")

    agreed = world.shop("txn reconcile --against main -o json")
    # As if a process that had been killed after the gateway paid were taken for one that never sent.
    world.shop.sql("UPDATE transactions SET state = 'failed', gateway_ref = NULL WHERE kind = 'refund'")
    forced = world.shop("txn reconcile --against main -o json")

    assert (agreed.code, agreed.json) == (0, []), agreed.err
    assert forced.code == 5
    assert "paid_after_all" in {row["difference"] for row in forced.json}


def test_an_import_refuses_a_token_that_the_gateway_could_not_charge(world: World) -> None:
    bring_all(world.shop, "customers", CUSTOMER)
    bring_all(world.shop, "payment-methods", {**METHOD, "token": world.token})
    wrong = bring(world.shop, "payment-methods", {**METHOD, "external_id": "m2", "token": "tok/en/1"})
    Path("tokens.csv").write_text("external_id,token\nm1,tok/en/1\n")

    assert (wrong.code, counts(wrong)) == (3, {"rejected": 1})
    assert "token: it is not written" in reasons(wrong)[0]
    assert world.shop("customer payment-method retoken --from tokens.csv --yes").code == 2
    assert bring(world.shop, "payment-methods", {**METHOD, "token": "erased"}, more="--update").code == 0
