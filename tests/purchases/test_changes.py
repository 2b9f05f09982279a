"""Changing subscriptions: trial, option, price point, billing date, quantity, pause."""

from __future__ import annotations

from typing import Any

import pytest

from csctl.domain.states import PurchaseStatus
from tests.factories import customer_of, make_order, make_price, make_purchase
from tests.shops import Shop


def _subscription(shop: Shop, status: str = "active", **given: Any) -> str:
    """Tea for 10.00 a month, next billed on 31 March; there are a half and a large one too."""
    if not shop.sql("SELECT id FROM price_points WHERE code = 'tea'"):
        make_price(shop, "tea", "10.00", sku="tea", interval="month", trial_days=14, trial_amount="1.00")
        make_price(shop, "tea-half", "5.00", sku="tea", interval="month")
        make_price(shop, "tea-large", "15.00", sku="tea", option="large", interval="month")
    values = {"price": "tea", "next_bill_on": "2026-03-31", "billing_day": 31, **given}
    return make_purchase(shop, values.pop("order", None), "10.00", status=PurchaseStatus(status), **values)


def _shown(shop: Shop, purchase: str) -> dict[str, Any]:
    shown: dict[str, Any] = shop(f"purchase show {purchase} -o json").json
    return shown


# -- trials


def test_a_trial_that_is_restarted_ends_after_as_many_days_as_the_price_point_gives(shop: Shop) -> None:
    trial = _subscription(shop, "trial", trial_ends_on="2026-03-05", next_bill_on="2026-03-05")

    done = shop(f"purchase trial restart {trial} -o json", as_="agent")

    row = done.json[0]
    assert (done.code, row["outcome"]) == (0, "updated")
    assert (row["before"]["next_bill_on"], row["after"]["next_bill_on"]) == ("2026-03-05", "2026-03-16")
    assert _shown(shop, trial)["trial_ends_on"] == "2026-03-16"


def test_a_trial_of_no_days_that_is_restarted_is_billed_today(shop: Shop) -> None:
    make_price(shop, "at-once", "10.00", interval="month", trial_days=0)
    trial = make_purchase(shop, price="at-once", status=PurchaseStatus.TRIAL, trial_ends_on="2026-03-05")

    assert shop(f"purchase trial restart {trial}").code == 0
    assert _shown(shop, trial)["next_bill_on"] == "2026-03-02"


def test_a_trial_of_which_nobody_knows_the_length_is_not_restarted(shop: Shop) -> None:
    trial = _subscription(shop, "trial", price="tea-half", trial_ends_on="2026-03-05")

    done = shop(f"purchase trial restart {trial} -o json")

    assert done.code == 5
    assert done.error["fix"] == f"csctl purchase billing-date {trial} DATE"


def test_a_trial_that_is_stopped_is_cancelled_and_nothing_is_billed(shop: Shop) -> None:
    trial = _subscription(shop, "trial", trial_ends_on="2026-03-09", next_bill_on="2026-03-09")

    assert shop(f"purchase trial stop {trial}").code == 2  # asks first
    done = shop(f"purchase trial stop {trial} --yes -o json", as_="agent")

    assert done.json[0]["outcome"] == "cancelled"
    shown = _shown(shop, trial)
    assert (shown["status"], shown["next_bill_on"], shown["trial_ends_on"]) == ("cancelled", None, "2026-03-02")
    assert shown["transactions"] == []


# -- option and price point


def test_another_option_keeps_quantity_and_price(shop: Shop) -> None:
    purchase = _subscription(shop)

    done = shop(f"purchase option {purchase} LARGE -o json", as_="agent")

    assert (done.json[0]["before"]["option"], done.json[0]["after"]["option"]) == ("default", "large")
    shown = _shown(shop, purchase)
    assert (shown["option"], shown["price_point"], shown["price"]) == ("large", "tea-large", "10.00")


def test_another_option_at_its_price_is_billed_that_price(shop: Shop) -> None:
    purchase = _subscription(shop)

    assert shop(f"purchase option {purchase} large --price tea-large").code == 0
    assert _shown(shop, purchase)["price"] == "15.00"
    assert shop(f"purchase option {purchase} default --price tea-large").code == 5


def test_an_option_of_another_product_is_a_conflict_and_one_that_is_nowhere_not_found(shop: Shop) -> None:
    purchase = _subscription(shop)
    make_price(shop, sku="coffee", option="strong", interval="month")

    assert shop(f"purchase option {purchase} strong").code == 5
    nowhere = shop(f"purchase option {purchase} weak -o json")
    assert (nowhere.code, nowhere.error["fix"]) == (4, "its options: default, large")


def test_an_option_without_a_price_like_the_old_one_needs_a_price(shop: Shop) -> None:
    purchase = _subscription(shop)
    make_price(shop, "tea-xl", "30.00", sku="tea", option="xl", interval="year")

    assert shop(f"purchase option {purchase} xl").code == 5
    assert shop(f"purchase option {purchase} xl --price tea-xl").code == 0
    assert _shown(shop, purchase)["interval"] == "year"


def test_another_price_point_keeps_the_quantity_and_the_billing_date(shop: Shop) -> None:
    purchase = _subscription(shop)
    shop(f"purchase quantity {purchase} --quantity 3 --unit-price 10")

    done = shop(f"purchase price {purchase} tea-half -o json", as_="agent")

    assert done.json[0]["message"] == "price_point tea -> tea-half, unit_price 10.00 -> 5.00, price 30.00 -> 15.00"
    shown = _shown(shop, purchase)
    assert (shown["quantity"], shown["price"], shown["next_bill_on"]) == (3, "15.00", "2026-03-31")


def test_what_bills_on_the_31st_still_does_after_another_interval(shop: Shop) -> None:
    make_price(shop, "tea", "10.00", sku="tea", interval="month")
    make_price(shop, "tea-quarter", "25.00", sku="tea", interval="quarter")
    purchase = make_purchase(
        shop, price="tea", unit_price="10.00", status="active", next_bill_on="2026-04-30", billing_day=31
    )

    for price in ("tea-quarter", "tea"):
        assert shop(f"purchase price {purchase} {price}").code == 0

    assert shop(f"purchase show {purchase} -o json").json["billing_day"] == 31


def test_another_price_point_brings_its_final_cycle_unless_that_is_over(shop: Shop) -> None:
    purchase = _subscription(shop, cycle=3)
    make_price(shop, "tea-3", "5.00", sku="tea", interval="month", final_cycle=3)
    make_price(shop, "tea-4", "5.00", sku="tea", interval="month", final_cycle=4)

    over, fitting = (shop(f"purchase price {purchase} {price} -o json") for price in ("tea-3", "tea-4"))

    assert (over.code, over.error["message"]) == (5, "tea-3 ends with cycle 3")
    assert (fitting.code, _shown(shop, purchase)["final_cycle"]) == (0, 4)


def test_a_price_point_that_does_not_fit_is_a_conflict(shop: Shop) -> None:
    purchase = _subscription(shop)
    make_price(shop, "tea-yen", "500", "JPY", sku="tea", interval="month")
    make_price(shop, "tea-once", "12.00", sku="tea")
    make_price(shop, "coffee", "12.00", interval="month")

    done = {code: shop(f"purchase price {purchase} {code} -o json") for code in ("tea-yen", "tea-once", "coffee")}
    large = shop(f"purchase price {purchase} tea-large -o json")

    assert [one.code for one in (*done.values(), large)] == [5, 5, 5, 5]
    assert done["tea-yen"].error["cause"] == "the order is in USD, and an order has one currency"
    assert large.error["fix"] == f"csctl purchase option {purchase} large --price tea-large"
    assert shop(f"purchase price {purchase} nothing").code == 4
    assert _shown(shop, purchase)["price_point"] == "tea"


def test_what_is_not_in_the_catalog_has_no_options_and_price_points(shop: Shop) -> None:
    _subscription(shop)
    purchase = make_purchase(shop, status=PurchaseStatus.ACTIVE, interval="month")

    assert shop(f"purchase option {purchase} large").code == 5
    assert shop(f"purchase price {purchase} tea").code == 5


def test_next_only_leaves_the_purchase_as_it_is_and_changes_its_next_billing(shop: Shop) -> None:
    purchase = _subscription(shop)

    done = shop(f"purchase option {purchase} large --price tea-large --next-only -o json")

    assert "price" not in done.json[0]["after"]
    shown = _shown(shop, purchase)
    assert (shown["option"], shown["price"]) == ("default", "10.00")
    assert (shown["next_billing"]["option"], shown["next_billing"]["price"]) == ("large", "15.00")
    assert "15.00 USD (large, tea-large), once" in shop(f"purchase show {purchase}").out


def test_what_is_said_last_has_its_way_with_the_next_billing(shop: Shop) -> None:
    purchase = _subscription(shop)
    shop(f"purchase price {purchase} tea-half --next-only")
    shop(f"purchase quantity {purchase} --quantity 2 --unit-price 7 --next-only")

    assert _shown(shop, purchase)["next_billing"]["price"] == "14.00"
    shop(f"purchase quantity {purchase} --quantity 1 --unit-price 9")
    assert _shown(shop, purchase)["next_billing"]["price"] == "9.00"
    assert _shown(shop, purchase)["next_billing"]["price_point"] == "tea"


# -- quantity


def test_the_price_is_computed_and_told_before_it_is_kept(shop: Shop) -> None:
    purchase = _subscription(shop)

    dry = shop(f"purchase quantity {purchase} --quantity 3 --unit-price 8.5 --dry-run -o json")
    unchanged = _shown(shop, purchase)["price"]
    done = shop(f"purchase quantity {purchase} --quantity 3 --unit-price 8.5 -o json", as_="agent")

    assert dry.json[0]["after"]["price"] == "25.50"
    assert unchanged == "10.00"
    assert f"{purchase}: 3 x 8.50 = 25.50 USD" in done.err
    assert done.json[0]["before"]["price"] == "10.00"
    assert _shown(shop, purchase)["price"] == "25.50"


@pytest.mark.parametrize(
    ("currency", "unit_price", "price"), [("JPY", "150", "450"), ("KWD", "1.125", "3.375"), ("USD", "0", "0.00")]
)
@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_a_price_has_the_decimals_of_its_currency(shop: Shop, currency: str, unit_price: str, price: str) -> None:
    purchase = make_purchase(shop, None, "1", currency=currency, status=PurchaseStatus.ACTIVE, interval="month")

    shop(f"purchase quantity {purchase} --quantity 3 --unit-price {unit_price}")

    assert _shown(shop, purchase)["price"] == price


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_a_quantity_or_price_that_cannot_be_is_a_usage_error(shop: Shop) -> None:
    purchase = _subscription(shop)

    for words in (
        "--quantity 0 --unit-price 5",
        "--quantity -1 --unit-price 5",
        "--quantity 1 --unit-price -5",
        "--quantity 1 --unit-price 9.999",
        "--quantity 1 --unit-price much",
        "--quantity 1000000 --unit-price 999999999999",
        "--quantity 2",
        "--unit-price 5",
    ):
        assert shop(f"purchase quantity {purchase} {words}").code == 2, words
    assert _shown(shop, purchase)["price"] == "10.00"


def test_what_is_so_already_is_skipped_and_leaves_no_trace(shop: Shop) -> None:
    purchase = _subscription(shop)

    done = shop(f"purchase quantity {purchase} --quantity 1 --unit-price 10 -o json")

    assert (done.code, done.json[0]["outcome"]) == (0, "skipped")
    assert shop(f"audit list --target {purchase} -o json").json == []


# -- billing date


def test_a_new_billing_date_holds_from_then_on(shop: Shop) -> None:
    purchase = _subscription(shop)

    done = shop(f"purchase billing-date {purchase} 2026-03-15 -o json", as_="agent")

    assert done.json[0]["after"]["next_bill_on"] == "2026-03-15"
    assert _shown(shop, purchase)["billing_day"] == 15


def test_a_billing_date_may_be_today_and_not_be_past(shop: Shop) -> None:
    purchase = _subscription(shop)

    for day in ("2026-03-01", "2026-02-30", "soon"):
        assert (shop(f"purchase billing-date {purchase} {day}").code) == 2, day
    assert shop(f"purchase billing-date {purchase} 2026-03-02").code == 0


def test_today_is_a_day_of_the_shop(shop: Shop) -> None:
    purchase = _subscription(shop)
    shop("setting set timezone America/Los_Angeles")

    # Still 1 March there. The day on which the clocks change is a day like others.
    assert shop(f"purchase billing-date {purchase} 2026-03-01", at="2026-03-02T07:59:00Z").code == 0
    assert shop(f"purchase billing-date {purchase} 2026-03-01", at="2026-03-02T08:01:00Z").code == 2
    assert shop(f"purchase billing-date {purchase} 2026-03-08", at="2026-03-09T06:59:00Z").code == 0
    assert shop(f"purchase billing-date {purchase} 2026-03-08", at="2026-03-09T07:01:00Z").code == 2


def test_the_end_of_a_trial_moves_with_its_billing(shop: Shop) -> None:
    trial = _subscription(shop, "trial", trial_ends_on="2026-03-09", next_bill_on="2026-03-09")

    shop(f"purchase billing-date {trial} 2026-03-20")

    assert _shown(shop, trial)["trial_ends_on"] == "2026-03-20"


def test_what_is_bought_once_has_no_billing_date(shop: Shop) -> None:
    thing = make_purchase(shop, status=PurchaseStatus.ACTIVE)

    assert shop(f"purchase billing-date {thing} 2026-03-20").code == 5
    assert shop(f"purchase quantity {thing} --quantity 2 --unit-price 5 --next-only").code == 5


# -- pause and resume


def test_a_pause_has_an_end_and_leaves_the_billing_date(shop: Shop) -> None:
    purchase = _subscription(shop)

    assert shop(f"purchase pause {purchase} --until 2026-03-02").code == 2
    done = shop(f"purchase pause {purchase} --until 2026-04-15 -o json", as_="agent")

    assert done.json[0]["after"] == {"status": "paused", "paused_until": "2026-04-15"}
    assert _shown(shop, purchase)["next_bill_on"] == "2026-03-31"


def test_what_was_to_be_billed_during_a_pause_is_billed_when_it_ends(shop: Shop) -> None:
    early, late = (_subscription(shop, next_bill_on=day) for day in ("2026-03-10", "2026-04-30"))
    shop(f"purchase pause {early} {late} --until 2026-04-15 --yes")

    done = shop(f"purchase resume {early} {late} --yes -o json", as_="agent", at="2026-03-20T09:00:00Z")

    assert [row["status"] for row in done.json] == ["active", "active"]
    assert [_shown(shop, one)["next_bill_on"] for one in (early, late)] == ["2026-03-20", "2026-04-30"]
    assert [_shown(shop, one)["paused_until"] for one in (early, late)] == [None, None]


def test_a_trial_that_was_paused_before_its_end_is_a_trial_again(shop: Shop) -> None:
    trial = _subscription(shop, "trial", trial_ends_on="2026-03-16", next_bill_on="2026-03-16")
    shop(f"purchase pause {trial} --until 2026-04-01")

    shop(f"purchase resume {trial}", at="2026-03-10T09:00:00Z")

    assert _shown(shop, trial)["status"] == "trial"


# -- all of them


def test_one_that_is_refused_stops_no_other(shop: Shop) -> None:
    active, over, last = (_subscription(shop, status) for status in ("active", "cancelled", "active"))

    done = shop("purchase pause - --until 2026-04-15 --yes -o json", input=f"{active}\n{over}\n{last}\n")

    assert done.code == 3
    assert [row["outcome"] for row in done.json] == ["updated", "refused", "updated"]


def test_every_change_is_in_the_history_and_in_the_trail(shop: Shop) -> None:
    order = make_order(shop)
    purchase = _subscription(shop, order=order)

    shop(f"purchase price {purchase} tea-half", as_="agent")

    said = "price_point tea -> tea-half, unit_price 10.00 -> 5.00, price 10.00 -> 5.00"
    entry = shop(f"customer history {customer_of(shop, order)} -o json").json[0]
    assert (entry["text"], entry["operator"], entry["order_id"]) == (f"{purchase}: {said}", "agent", order)
    row = shop(f"audit list --target {purchase} -o json").json[0]
    assert (row["command"], row["outcome"]) == ("purchase price", "updated")
    assert (row["changes"]["before"]["price"], row["changes"]["after"]["price"]) == ("10.00", "5.00")


def test_a_dry_run_says_the_same_and_changes_nothing(shop: Shop) -> None:
    purchase = _subscription(shop)

    dry = shop(f"purchase pause {purchase} --until 2026-04-15 --dry-run -o json")

    assert (dry.json[0]["dry_run"], dry.json[0]["status"]) == (True, "paused")
    assert _shown(shop, purchase)["status"] == "active"
    assert shop("audit list --command 'purchase pause' -o json").json == []
