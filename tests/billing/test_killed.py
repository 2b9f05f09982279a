"""csctl is killed at every point of a charge: nobody is charged twice, and nothing is forgotten."""

from __future__ import annotations

import pytest

from tests.billing.catalog import make_buyer, paid, subscribe
from tests.factories import make_price
from tests.payments import dying
from tests.payments.test_killed import killed_at
from tests.shops import Shop

GATEWAYS = ["idempotency=off", "lookup=off"]

pytestmark = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)


@pytest.mark.parametrize("gateway", GATEWAYS)
def test_an_order_is_either_charged_and_complete_or_neither(shop: Shop, gateway: str, full: bool) -> None:
    shop.env["CSCTL_GATEWAY_MAIN"] += f"?{gateway}"
    buyer, price = make_buyer(shop), make_price(shop, interval="month")
    for point in dying.points(full, GATEWAYS, gateway):
        died = killed_at(shop, point, f"order create --customer {buyer} --item {price} --yes", "2026-03-02T09:00:00Z")
        if not died:
            break
    reconciled = shop("txn reconcile -o json", at="2026-03-02T09:06:00Z")
    nothing_left = shop("txn reconcile -o json", at="2026-03-02T09:12:00Z")
    shop("email send", at="2026-03-02T09:13:00Z")
    orders = shop("order list --all -o json").json
    complete = [order for order in orders if order["status"] == "complete"]

    assert point >= 5
    assert {row["outcome"] for row in reconciled.json} <= {"billed", "failed"}
    assert nothing_left.json == []
    assert {order["status"] for order in orders} <= {"complete", "declined"}
    assert len(paid(shop)) == len(complete) == len(shop("fulfillment list --all -o json").json)
    assert {mail["Subject"] for mail in shop.mails()} == {f"Your order {o['id']} with Our shop" for o in complete}
    assert len(shop("purchase list --status active --all -o json").json) == len(complete)


@pytest.mark.parametrize("gateway", GATEWAYS)
def test_a_cycle_is_billed_once_wherever_the_run_was_killed(shop: Shop, gateway: str, full: bool) -> None:
    shop.env["CSCTL_GATEWAY_MAIN"] += f"?{gateway}"
    names = [subscribe(shop, interval="day") for _ in range(2)]
    for rounds, point in enumerate(dying.points(full, GATEWAYS, gateway), 1):
        day = f"2026-03-{2 + rounds:02}"
        died = killed_at(shop, point, "billing run --concurrency 2", f"{day}T09:00:00Z")
        assert shop("billing run", at=f"{day}T09:06:00Z").code == 0
        assert [row["cycle"] for row in shop("purchase list -o json").json] == [rounds + 1] * len(names)
        if not died:
            break

    assert rounds >= (5 if full else 3)
    assert len(paid(shop)) == len(names) * (rounds + 1)
    assert shop("db check").code == 0


def test_a_force_bill_that_was_killed_is_done_once_with_its_terms(shop: Shop, full: bool) -> None:
    shop.env["CSCTL_GATEWAY_MAIN"] += "?idempotency=off"
    for point in dying.points(full):
        name = subscribe(shop)
        words = f"purchase force-bill {name} --quantity 2 --unit-price 3.00 --yes"
        died = killed_at(shop, point, words, "2026-03-03T09:00:00Z")
        shop("txn reconcile", at="2026-03-03T09:06:00Z")
        shop(words, at="2026-03-03T09:07:00Z")
        if not died:
            break
    purchases = shop("purchase list --all -o json").json

    assert point >= 5
    assert {(p["cycle"], p["quantity"], p["price"]) for p in purchases} == {(2, 2, "6.00")}
    assert sorted(money for _, money in paid(shop)) == ["10.00 USD"] * point + ["6.00 USD"] * point
