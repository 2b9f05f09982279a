"""`order cancel`: every purchase, every shipment that has not left; the money only if that is asked for."""

from __future__ import annotations

import pytest

from csctl.domain.states import FulfillmentStatus
from tests.billing.catalog import bill, make_buyer, purchase, subscribe
from tests.factories import make_fulfillment, make_order, make_price, make_purchase, make_sale
from tests.selection import on_sqlite
from tests.shops import Shop


def outcomes(rows: list[dict[str, str]]) -> list[str]:
    return [row["outcome"] for row in rows]


def returned(shop: Shop) -> list[str]:
    return [row["amount"] for row in shop.ledger() if row["kind"] in ("refund", "void") and row["result"] == "approved"]


def test_cancelling_ends_purchases_and_shipments_and_touches_no_money(shop: Shop) -> None:
    subscribe(shop)
    shipped = make_fulfillment(shop, "ord_1", "shipped")

    done = shop("order cancel ord_1 --reason 'moved abroad' --yes -o json", as_="agent")
    order = shop("order show ord_1 -o json").json

    assert (done.code, outcomes(done.json)) == (0, ["cancelled"])
    assert (order["status"], order["cancel_reason"]) == ("cancelled", "moved abroad")
    assert purchase(shop, "pur_1")["status"] == "cancelled"
    assert {ful["id"]: ful["status"] for ful in order["fulfillments"]} == {"ful_1": "cancelled", shipped: "shipped"}
    assert returned(shop) == []
    assert bill(shop, "2026-04-02") == []


@pytest.mark.parametrize("status", list(FulfillmentStatus))
@on_sqlite
def test_every_shipment_that_has_not_left_is_cancelled_and_no_other(shop: Shop, status: FulfillmentStatus) -> None:
    order = make_order(shop)
    make_fulfillment(shop, order, status)

    assert shop(f"order cancel {order} --yes").code == 0

    left = shop(f"order show {order} -o json").json["fulfillments"][0]["status"]
    assert left == ("cancelled" if status in ("hold", "pending", "pending_shipment") else status)


def test_what_is_cancelled_cannot_be_cancelled_again(shop: Shop) -> None:
    subscribe(shop)
    shop("order cancel ord_1 --yes")

    for words in ("order cancel ord_1 --yes -o json", "order cancel ord_1 --refund --yes -o json"):
        done = shop(words)
        assert (done.code, done.error["message"]) == (5, "ord_1 is cancelled already")
    assert returned(shop) == []


def test_with_refund_a_pending_charge_is_voided_and_a_settled_one_refunded(shop: Shop) -> None:
    subscribe(shop)
    subscribe(shop)

    today = shop("order cancel ord_1 --refund --yes -o json")
    tomorrow = shop("order cancel ord_2 --refund --yes -o json", at="2026-03-03T09:00:00Z")

    assert outcomes(today.json) == ["voided", "cancelled"]
    assert outcomes(tomorrow.json) == ["refunded", "cancelled"]
    assert [purchase(shop, name)["status"] for name in ("pur_1", "pur_2")] == ["cancelled", "cancelled"]
    assert returned(shop) == ["10.00", "10.00"]
    assert [row["kind"] for row in shop("email list -o json").json] == ["refund", "void", "welcome", "welcome"]


def test_a_year_of_rebills_is_not_returned_by_accident(shop: Shop) -> None:
    subscribe(shop)
    bill(shop, "2026-04-02", "2026-05-02")

    refused = shop("order cancel ord_1 --refund --yes -o json", at="2026-05-03T09:00:00Z")
    last = shop("order cancel ord_1 --refund --last --yes -o json", at="2026-05-03T09:00:00Z")

    assert refused.code == 5
    assert "3 billings" in refused.error["message"]
    assert outcomes(last.json) == ["refunded", "cancelled"]
    assert returned(shop) == ["10.00"]


def test_a_refund_that_is_queued_cancels_the_order_too(shop: Shop) -> None:
    subscribe(shop, "tok_refund_declined_1")

    done = shop("order cancel ord_1 --refund --yes -o json", at="2026-03-03T09:00:00Z")

    assert outcomes(done.json) == ["queued", "cancelled"]
    assert shop("order show ord_1 -o json").json["status"] == "cancelled"


def test_a_gateway_that_cannot_be_reached_leaves_the_order_as_it_was(shop: Shop) -> None:
    order = make_order(shop)
    make_purchase(shop, order)
    make_sale(shop, order=order, token="tok_unreachable", settled=False)

    done = shop(f"order cancel {order} --refund --yes -o json")

    assert done.code == 8
    assert shop(f"order show {order} -o json").json["status"] == "complete"


def test_an_order_with_nothing_to_return_is_cancelled_all_the_same(shop: Shop) -> None:
    subscribe(shop, trial_days=7)

    done = shop("order cancel ord_1 --refund --yes -o json")

    assert (done.code, outcomes(done.json)) == (0, ["cancelled"])


def test_while_its_sale_is_disputed_it_is_not_cancelled_as_if_the_money_were_returned(shop: Shop) -> None:
    sale = make_sale(shop)
    shop(f"txn dispute {sale} --yes")

    with_refund = shop("order cancel ord_1 --refund --yes -o json")
    without = shop("order cancel ord_1 --yes")

    assert (with_refund.code, with_refund.error["message"]) == (5, f"{sale} is disputed")
    assert without.code == 0


def test_a_declined_order_stays_declined_and_sends_no_welcome_email(shop: Shop) -> None:
    buyer, price = make_buyer(shop, "tok_declined"), make_price(shop)
    shop(f"order create --customer {buyer} --item {price} --yes")

    codes = [shop(f"order {words} ord_1 --yes").code for words in ("cancel", "cancel --refund", "resend-email")]

    assert codes == [5, 5, 5]
    assert (shop("order show ord_1 -o json").json["status"], shop.mails()) == ("declined", [])


def test_money_above_the_agents_limit_is_not_returned_and_nothing_cancelled(shop: Shop) -> None:
    subscribe(shop)
    shop("setting set agent-refund-limit '5 USD'")

    done = shop("order cancel ord_1 --refund --yes", as_="agent", at="2026-03-03T09:00:00Z")

    assert done.code == 6
    assert shop("order show ord_1 -o json").json["status"] == "complete"


def test_a_dry_run_cancels_nothing(shop: Shop) -> None:
    subscribe(shop)

    done = shop("order cancel ord_1 --refund --dry-run -o json")

    assert outcomes(done.json) == ["voided", "cancelled"]
    assert shop("order show ord_1 -o json").json["status"] == "complete"
    assert returned(shop) == []


def test_cancelling_asks_first(shop: Shop) -> None:
    subscribe(shop)

    assert shop("order cancel ord_1").code == 2


def test_several_orders_are_cancelled_even_if_one_fails(shop: Shop) -> None:
    buyer = make_buyer(shop)
    for _ in range(2):
        subscribe(shop, customer=buyer)

    done = shop("order cancel - --yes -o json", input="ord_1\nord_99\nord_2\n")

    assert done.code == 3
    assert outcomes(done.json) == ["cancelled", "refused", "cancelled"]
