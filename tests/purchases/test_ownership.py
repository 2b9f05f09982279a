"""Reactivating a subscription, and purchases that another system bills (domain rules, section 5)."""

from __future__ import annotations

import pytest

from tests.factories import make_customer, make_order, make_payment_method, make_price, make_purchase, make_sale
from tests.shops import Shop


def subscription(shop: Shop, status: str = "active", **given: object) -> str:
    customer = make_customer(shop)
    make_payment_method(shop, customer)
    price = make_price(shop, amount="20.00", interval="month")
    order = make_order(shop, customer)
    values = {"next_bill_on": shop.now[:10] if status != "cancelled" else None, **given}
    return make_purchase(shop, order, "20.00", price=price, status=status, **values)  # type: ignore[arg-type]


def sales(shop: Shop) -> int:
    return len([row for row in shop.ledger() if row["kind"] == "sale"])


def test_a_cancelled_subscription_goes_on_at_its_old_price(shop: Shop) -> None:
    purchase = subscription(shop)
    shop(f"purchase cancel {purchase} --reason moved --yes")

    done = shop(f"purchase reactivate {purchase} --yes -o json", as_="agent")
    shown = shop(f"purchase show {purchase} -o json").json

    assert (done.code, done.json[0]["outcome"]) == (0, "updated")
    assert (shown["status"], shown["price"], shown["next_bill_on"]) == ("active", "20.00", "2026-03-02")
    assert shown["cancelled_at"] is None
    assert sales(shop) == 0
    shop("billing run")
    assert sales(shop) == 1


def test_a_reactivated_subscription_is_billed_on_the_given_day(shop: Shop) -> None:
    purchase = subscription(shop)
    shop(f"purchase cancel {purchase} --yes")

    assert shop(f"purchase reactivate {purchase} --date 2026-03-20 --yes").code == 0
    assert shop(f"purchase reactivate {purchase} --date 2026-03-01 --yes").code == 2
    assert shop(f"purchase show {purchase} -o json").json["next_bill_on"] == "2026-03-20"


def test_a_period_that_is_paid_for_is_not_billed_again_unless_its_money_was_returned(shop: Shop) -> None:
    purchase = subscription(shop)
    shop("billing run")
    shop(f"purchase cancel {purchase} --yes")

    kept = shop(f"purchase reactivate {purchase} --dry-run -o json")
    (sale,) = shop("txn list --kind sale -o json").json
    shop(f"txn void {sale['id']} --yes")
    returned = shop(f"purchase reactivate {purchase} --yes -o json")

    imported = subscription(shop, "cancelled", interval="month")
    make_sale(shop, "20.00", order="ord_2", purchase=imported)  # csctl does not have the period that it paid for
    resumed = shop(f"purchase reactivate {imported} --yes -o json")

    assert "the period until 2026-03-28 is paid for" in resumed.json[0]["message"]
    assert "billed next on 2026-04-02; the period until 2026-04-02 is paid for" in kept.json[0]["message"]
    assert kept.json[0]["after"]["next_bill_on"] == "2026-04-02"
    assert returned.json[0]["message"] == "active again, billed next on 2026-03-02"


def test_the_order_that_was_cancelled_with_it_goes_on_too(shop: Shop) -> None:
    purchase = subscription(shop)
    shop("order cancel ord_1 --yes")

    shop(f"purchase reactivate {purchase} --yes")

    assert shop("order show ord_1 -o json").json["status"] == "complete"


def test_a_blacklisted_customer_gets_no_subscription_back(shop: Shop) -> None:
    purchase = subscription(shop)
    shop(f"purchase cancel {purchase} --yes")
    shop("blacklist add --customer cus_1 --reason fraud --yes")

    assert shop(f"purchase reactivate {purchase} --yes", as_="agent").code == 6
    assert shop(f"purchase show {purchase} -o json").json["status"] == "cancelled"


@pytest.mark.parametrize("status", ["active", "paused", "complete"])
def test_only_a_cancelled_one_is_reactivated(shop: Shop, status: str) -> None:
    assert shop(f"purchase reactivate {subscription(shop, status)} --yes").code == 5


def test_what_was_bought_once_is_not_reactivated(shop: Shop) -> None:
    purchase = make_purchase(shop, status="cancelled")

    assert shop(f"purchase reactivate {purchase} --yes").code == 5


def test_what_another_system_bills_is_never_charged(shop: Shop) -> None:
    purchase = subscription(shop)
    assert shop(f"purchase billing-owner {purchase} 'Stripe Billing'").code == 0

    run = shop("billing run -o json")
    forced = shop(f"purchase force-bill {purchase} --yes -o json")

    assert run.json == []
    assert forced.code == 5
    assert "Stripe Billing" in forced.json[0]["error"]["message"]
    assert sales(shop) == 0
    assert shop(f"purchase show {purchase} -o json").json["billed_by"] == "Stripe Billing"


@pytest.mark.parametrize(
    "words",
    [
        "price {} other",
        "billing-date {} 2026-03-20",
        "quantity {} --quantity 2 --unit-price 5",
        "pause {} --until 2026-04-01",
        "payment-method {} pm_1",
        "trial restart {}",
        "trial skip {} --yes",
    ],
)
def test_the_terms_of_what_another_system_bills_are_not_changed(shop: Shop, words: str) -> None:
    purchase = subscription(shop, "trial" if "trial" in words else "active", billed_by="Recharge")
    make_price(shop, "other", "30.00", sku="sku-x", interval="month")

    done = shop(f"purchase {words.format(purchase)}")

    assert done.code == 5
    assert "Recharge" in done.err


def test_cancelling_it_says_where_it_must_be_cancelled_too(shop: Shop) -> None:
    purchase = subscription(shop, billed_by="Recharge")

    done = shop(f"purchase cancel {purchase} --yes -o json")

    assert (done.code, done.json[0]["outcome"]) == (0, "cancelled")
    assert "cancel it there, too" in done.json[0]["message"]


def test_the_billing_comes_to_csctl_by_an_administrator(shop: Shop) -> None:
    purchase = subscription(shop, billed_by="Recharge")

    assert shop(f"purchase billing-owner {purchase} csctl", as_="agent").code == 6
    done = shop(f"purchase billing-owner {purchase} csctl -o json")

    assert done.code == 0
    assert "the next billing run charges it" in done.json[0]["message"]
    shop("billing run")
    assert sales(shop) == 1
