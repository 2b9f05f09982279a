"""Charging a declined order again, and changing where an order goes."""

from __future__ import annotations

import pytest

from tests.billing.catalog import make_buyer
from tests.factories import make_fulfillment, make_order, make_payment_method, make_price
from tests.shops import Shop


def declined(shop: Shop, *, price: str | None = None) -> tuple[str, str]:
    """A customer's declined order, and their card that works."""
    buyer = make_buyer(shop, token="tok_declined")
    good = make_payment_method(shop, buyer, is_default=False)
    price = price or make_price(shop, amount="30.00")
    done = shop(f"order create --customer {buyer} --item {price} --yes -o json")
    assert done.code == 12, done.err
    return done.json[0]["order_id"], good


@pytest.mark.both_databases
def test_a_declined_order_is_complete_once_another_card_is_charged(shop: Shop) -> None:
    order, good = declined(shop)

    done = shop(f"order rerun {order} --payment-method {good} --yes -o json", as_="agent")

    assert (done.code, done.json[0]["outcome"], done.json[0]["amount"]) == (0, "billed", "30.00")
    shown = shop(f"order show {order} -o json").json
    assert shown["status"] == "complete"
    assert [one["status"] for one in shown["fulfillments"]] == ["pending"]
    assert [one["status"] for one in shown["purchases"]] == ["complete"]
    assert sorted(one["state"] for one in shown["transactions"]) == ["approved", "declined"]
    assert [mail["subject"] for mail in shop.mails()]
    assert shop("db check").code == 0


@pytest.mark.both_databases
def test_an_order_is_paid_once(shop: Shop) -> None:
    order, good = declined(shop)
    shop(f"order rerun {order} --payment-method {good} --yes")

    again = shop(f"order rerun {order} --payment-method {good} --yes -o json")

    assert (again.code, again.json[0]["error"]["cause"]) == (5, "only a declined order is charged again")
    assert len([row for row in shop.ledger() if row["kind"] == "sale" and row["result"] == "approved"]) == 1


def test_declined_again_it_stays_declined_and_may_be_tried_again(shop: Shop) -> None:
    order, good = declined(shop)

    first = shop(f"order rerun {order} --yes -o json")
    second = shop(f"order rerun {order} --payment-method {good} --yes")

    assert (first.code, first.json[0]["outcome"]) == (12, "declined")
    assert second.code == 0


def test_the_trial_of_a_rerun_order_has_all_its_days(shop: Shop) -> None:
    price = make_price(shop, amount="30.00", interval="month", trial_days=7, trial_amount="1.00")
    order, good = declined(shop, price=price)

    shop(f"order rerun {order} --payment-method {good} --yes", at="2026-03-10T09:00:00Z")

    [purchase] = shop(f"order show {order} -o json").json["purchases"]
    assert (purchase["status"], purchase["trial_ends_on"], purchase["next_bill_on"]) == (
        "trial",
        "2026-03-17",
        "2026-03-17",
    )


def test_an_unknown_charge_is_settled_first(shop: Shop) -> None:
    order, good = declined(shop)
    shop.sql("UPDATE transactions SET state = 'unknown'")
    shop.sql("UPDATE orders SET status = 'pending'")

    done = shop(f"order rerun {order} --payment-method {good} --yes -o json")

    assert done.code == 5
    assert "reconcile" in done.json[0]["error"]["fix"]


def test_a_blacklisted_customer_is_not_charged_again(shop: Shop) -> None:
    order, good = declined(shop)
    shop("blacklist add --customer cus_1 --reason fraud --yes")

    assert shop(f"order rerun {order} --payment-method {good} --yes").code == 6


def test_an_order_that_has_not_shipped_is_sent_elsewhere(shop: Shop) -> None:
    order = make_order(shop)
    make_fulfillment(shop, order, "pending")

    part = shop(f"order edit {order} --shipping-postal-code 62799 -o json", as_="agent")
    shown = shop(f"order show {order} -o json").json["shipping"]

    assert part.json[0]["changed"] == ["shipping_postal_code"]
    assert (shown["line1"], shown["postal_code"]) == ("12 Elm Street", "62799")
    shop(f"order edit {order} --shipping-line1 '9 Oak Road' --shipping-city Dover")
    assert shop(f"order show {order} -o json").json["shipping"]["postal_code"] is None
    assert "9 Oak Road" not in shop("audit list -o json").out


def test_an_address_without_a_place_is_pointed_out(shop: Shop) -> None:
    """A first line is a new address: an agent who corrects the street must not lose the city without a word."""
    order = make_order(shop)
    make_fulfillment(shop, order, "pending")

    done = shop(f"order edit {order} --shipping-line1 '9 Oak Road' -o json")
    edited = shop("customer edit cus_1 --shipping-city '' --shipping-postal-code '' -o json")

    assert (done.code, f"shipping address of {order} has no city" in done.err) == (0, True)
    assert (edited.code, "shipping address of cus_1 has no city" in edited.err) == (0, True)


def test_an_order_that_has_shipped_stays_as_it_is(shop: Shop) -> None:
    order = make_order(shop)
    make_fulfillment(shop, order, "shipped")

    assert shop(f"order edit {order} --shipping-city Dover").code == 5
    assert shop(f"order edit {order}").code == 2
