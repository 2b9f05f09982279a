"""Changing subscriptions: trial, option, price point, billing date, quantity, pause."""

from __future__ import annotations

import pytest

from csctl.domain.states import PurchaseStatus
from tests.factories import customer_of, make_order, make_price, make_purchase
from tests.purchases.scenes import look_up, subscription
from tests.selection import on_sqlite
from tests.shops import Shop

# -- trials


def test_a_trial_that_is_restarted_ends_after_as_many_days_as_the_price_point_gives(shop: Shop) -> None:
    trial = subscription(shop, "trial", trial_ends_on="2026-03-05", next_bill_on="2026-03-05")

    done = shop(f"purchase trial restart {trial} -o json", as_="agent")

    row = done.json[0]
    assert (done.code, row["outcome"]) == (0, "updated")
    assert (row["before"]["next_bill_on"], row["after"]["next_bill_on"]) == ("2026-03-05", "2026-03-16")
    assert look_up(shop, trial)["trial_ends_on"] == "2026-03-16"


def test_a_trial_of_no_days_that_is_restarted_is_billed_today(shop: Shop) -> None:
    make_price(shop, "at-once", "10.00", interval="month", trial_days=0)
    trial = make_purchase(shop, price="at-once", status=PurchaseStatus.TRIAL, trial_ends_on="2026-03-05")

    assert shop(f"purchase trial restart {trial}").code == 0
    assert look_up(shop, trial)["next_bill_on"] == "2026-03-02"


def test_a_trial_of_unknown_length_is_not_restarted(shop: Shop) -> None:
    trial = subscription(shop, "trial", price="tea-half", trial_ends_on="2026-03-05")

    done = shop(f"purchase trial restart {trial} -o json")

    assert done.code == 5
    assert done.error["fix"] == f"csctl purchase billing-date {trial} DATE"


def test_a_trial_that_is_stopped_is_cancelled_and_nothing_is_billed(shop: Shop) -> None:
    trial = subscription(shop, "trial", trial_ends_on="2026-03-09", next_bill_on="2026-03-09")

    assert shop(f"purchase trial stop {trial}").code == 2  # asks first
    done = shop(f"purchase trial stop {trial} --yes -o json", as_="agent")

    assert done.json[0]["outcome"] == "cancelled"
    shown = look_up(shop, trial)
    assert (shown["status"], shown["next_bill_on"], shown["trial_ends_on"]) == ("cancelled", None, "2026-03-02")
    assert shown["transactions"] == []


# -- quantity


def test_the_price_is_computed_and_shown_before_it_is_stored(shop: Shop) -> None:
    purchase = subscription(shop)

    dry = shop(f"purchase quantity {purchase} --quantity 3 --unit-price 8.5 --dry-run -o json")
    unchanged = look_up(shop, purchase)["price"]
    done = shop(f"purchase quantity {purchase} --quantity 3 --unit-price 8.5 -o json", as_="agent")

    assert dry.json[0]["after"]["price"] == "25.50"
    assert unchanged == "10.00"
    assert f"{purchase}: 3 x 8.50 = 25.50 USD" in done.err
    assert done.json[0]["before"]["price"] == "10.00"
    assert look_up(shop, purchase)["price"] == "25.50"


@pytest.mark.parametrize(
    ("currency", "unit_price", "price"), [("JPY", "150", "450"), ("KWD", "1.125", "3.375"), ("USD", "0", "0.00")]
)
@on_sqlite
def test_a_price_has_the_decimals_of_its_currency(shop: Shop, currency: str, unit_price: str, price: str) -> None:
    purchase = make_purchase(shop, None, "1", currency=currency, status=PurchaseStatus.ACTIVE, interval="month")

    shop(f"purchase quantity {purchase} --quantity 3 --unit-price {unit_price}")

    assert look_up(shop, purchase)["price"] == price


@on_sqlite
def test_a_quantity_or_price_that_cannot_be_is_a_usage_error(shop: Shop) -> None:
    purchase = subscription(shop)

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
    assert look_up(shop, purchase)["price"] == "10.00"


def test_what_is_so_already_is_skipped_and_leaves_no_trace(shop: Shop) -> None:
    purchase = subscription(shop)

    done = shop(f"purchase quantity {purchase} --quantity 1 --unit-price 10 -o json")

    assert (done.code, done.json[0]["outcome"]) == (0, "skipped")
    assert shop(f"audit list --target {purchase} -o json").json == []


# -- billing date


def test_a_new_billing_date_holds_from_then_on(shop: Shop) -> None:
    purchase = subscription(shop)

    done = shop(f"purchase billing-date {purchase} 2026-03-15 -o json", as_="agent")

    assert done.json[0]["after"]["next_bill_on"] == "2026-03-15"
    assert look_up(shop, purchase)["billing_day"] == 15


def test_a_billing_date_may_be_today_and_not_be_past(shop: Shop) -> None:
    purchase = subscription(shop)

    for day in ("2026-03-01", "2026-02-30", "soon"):
        assert (shop(f"purchase billing-date {purchase} {day}").code) == 2, day
    assert shop(f"purchase billing-date {purchase} 2026-03-02").code == 0


def test_today_is_a_day_of_the_shop(shop: Shop) -> None:
    purchase = subscription(shop)
    shop("setting set timezone America/Los_Angeles")

    # Still 1 March there. The day on which the clocks change is a day like others.
    assert shop(f"purchase billing-date {purchase} 2026-03-01", at="2026-03-02T07:59:00Z").code == 0
    assert shop(f"purchase billing-date {purchase} 2026-03-01", at="2026-03-02T08:01:00Z").code == 2
    assert shop(f"purchase billing-date {purchase} 2026-03-08", at="2026-03-09T06:59:00Z").code == 0
    assert shop(f"purchase billing-date {purchase} 2026-03-08", at="2026-03-09T07:01:00Z").code == 2


def test_the_end_of_a_trial_moves_with_its_billing(shop: Shop) -> None:
    trial = subscription(shop, "trial", trial_ends_on="2026-03-09", next_bill_on="2026-03-09")

    shop(f"purchase billing-date {trial} 2026-03-20")

    assert look_up(shop, trial)["trial_ends_on"] == "2026-03-20"


def test_what_is_bought_once_has_no_billing_date(shop: Shop) -> None:
    thing = make_purchase(shop, status=PurchaseStatus.ACTIVE)

    assert shop(f"purchase billing-date {thing} 2026-03-20").code == 5
    assert shop(f"purchase quantity {thing} --quantity 2 --unit-price 5 --next-only").code == 5


# -- pause and resume


def test_a_pause_has_an_end_and_leaves_the_billing_date(shop: Shop) -> None:
    purchase = subscription(shop)

    assert shop(f"purchase pause {purchase} --until 2026-03-02").code == 2
    done = shop(f"purchase pause {purchase} --until 2026-04-15 -o json", as_="agent")

    assert done.json[0]["after"] == {"status": "paused", "paused_until": "2026-04-15"}
    assert look_up(shop, purchase)["next_bill_on"] == "2026-03-31"


def test_a_pause_can_be_lengthened_and_a_cancellation_scheduled_during_it(shop: Shop) -> None:
    purchase = subscription(shop, next_bill_on="2026-03-10")
    shop(f"purchase pause {purchase} --until 2026-04-01 --yes")
    shop(f"purchase pause {purchase} --until 2026-04-15 --yes")

    done = shop(f"purchase cancel {purchase} --when after-next -o json --yes")
    quiet = shop("billing run -o json", as_="service", at="2026-04-14T09:00:00Z")

    assert (done.code, done.json[0]["after"]["status"]) == (0, "cancellation_scheduled")
    assert look_up(shop, purchase)["next_bill_on"] == "2026-04-15"
    assert quiet.json == []
    assert [row["id"] for row in shop("billing run -o json", as_="service", at="2026-04-15T09:00:00Z").json] == [
        purchase
    ]


def test_before_the_next_billing_of_a_paused_purchase_is_the_end_of_its_pause(shop: Shop) -> None:
    purchase = subscription(shop, next_bill_on="2026-03-10")
    shop(f"purchase pause {purchase} --until 2026-04-15 --yes")

    done = shop(f"purchase cancel {purchase} --when before-next -o json --yes")

    assert (done.code, done.json[0]["after"]["cancel_on"]) == (0, "2026-04-15")


def test_what_was_to_be_billed_during_a_pause_is_billed_when_it_ends(shop: Shop) -> None:
    early, late = (subscription(shop, next_bill_on=day) for day in ("2026-03-10", "2026-04-30"))
    shop(f"purchase pause {early} {late} --until 2026-04-15 --yes")

    done = shop(f"purchase resume {early} {late} --yes -o json", as_="agent", at="2026-03-20T09:00:00Z")

    assert [row["status"] for row in done.json] == ["active", "active"]
    assert [look_up(shop, one)["next_bill_on"] for one in (early, late)] == ["2026-03-20", "2026-04-30"]
    assert [look_up(shop, one)["paused_until"] for one in (early, late)] == [None, None]


def test_a_trial_that_was_paused_before_its_end_is_a_trial_again(shop: Shop) -> None:
    trial = subscription(shop, "trial", trial_ends_on="2026-03-16", next_bill_on="2026-03-16")
    shop(f"purchase pause {trial} --until 2026-04-01")

    shop(f"purchase resume {trial}", at="2026-03-10T09:00:00Z")

    assert look_up(shop, trial)["status"] == "trial"


# -- all of them


def test_one_that_is_refused_stops_no_other(shop: Shop) -> None:
    active, over, last = (subscription(shop, status) for status in ("active", "cancelled", "active"))

    done = shop("purchase pause - --until 2026-04-15 --yes -o json", input=f"{active}\n{over}\n{last}\n")

    assert done.code == 3
    assert [row["outcome"] for row in done.json] == ["updated", "refused", "updated"]


def test_every_change_is_in_the_history_and_in_the_audit_log(shop: Shop) -> None:
    order = make_order(shop)
    purchase = subscription(shop, order=order)

    shop(f"purchase price {purchase} tea-half", as_="agent")

    said = "price_point tea -> tea-half, unit_price 10.00 -> 5.00, price 10.00 -> 5.00"
    entry = shop(f"customer history {customer_of(shop, order)} -o json").json[0]
    assert (entry["text"], entry["operator"], entry["order_id"]) == (f"{purchase}: {said}", "agent", order)
    row = shop(f"audit list --target {purchase} -o json").json[0]
    assert (row["command"], row["outcome"]) == ("purchase price", "updated")
    assert (row["changes"]["before"]["price"], row["changes"]["after"]["price"]) == ("10.00", "5.00")


def test_a_dry_run_says_the_same_and_changes_nothing(shop: Shop) -> None:
    purchase = subscription(shop)

    dry = shop(f"purchase pause {purchase} --until 2026-04-15 --dry-run -o json")

    assert (dry.json[0]["dry_run"], dry.json[0]["status"]) == (True, "paused")
    assert look_up(shop, purchase)["status"] == "active"
    assert shop("audit list --command 'purchase pause' -o json").json == []
