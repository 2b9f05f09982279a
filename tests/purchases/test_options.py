"""Changing a purchase's option, price point and next billing."""

from __future__ import annotations

from csctl.domain.states import PurchaseStatus
from tests.factories import make_price, make_purchase
from tests.purchases.scenes import look_up, subscription
from tests.shops import Shop


def test_another_option_keeps_quantity_and_price(shop: Shop) -> None:
    purchase = subscription(shop)

    done = shop(f"purchase option {purchase} LARGE -o json", as_="agent")

    assert (done.json[0]["before"]["option"], done.json[0]["after"]["option"]) == ("default", "large")
    shown = look_up(shop, purchase)
    assert (shown["option"], shown["price_point"], shown["price"]) == ("large", "tea-large", "10.00")


def test_another_option_at_its_price_is_billed_that_price(shop: Shop) -> None:
    purchase = subscription(shop)

    assert shop(f"purchase option {purchase} large --price tea-large").code == 0
    assert look_up(shop, purchase)["price"] == "15.00"
    assert shop(f"purchase option {purchase} default --price tea-large").code == 5


def test_an_option_of_another_product_is_a_conflict_and_one_that_is_nowhere_not_found(shop: Shop) -> None:
    purchase = subscription(shop)
    make_price(shop, sku="coffee", option="strong", interval="month")

    assert shop(f"purchase option {purchase} strong").code == 5
    nowhere = shop(f"purchase option {purchase} weak -o json")
    assert (nowhere.code, nowhere.error["fix"]) == (4, "its options: default, large")


def test_an_option_without_a_price_like_the_old_one_needs_a_price(shop: Shop) -> None:
    purchase = subscription(shop)
    make_price(shop, "tea-xl", "30.00", sku="tea", option="xl", interval="year")

    assert shop(f"purchase option {purchase} xl").code == 5
    assert shop(f"purchase option {purchase} xl --price tea-xl").code == 0
    assert look_up(shop, purchase)["interval"] == "year"


def test_another_price_point_keeps_the_quantity_and_the_billing_date(shop: Shop) -> None:
    purchase = subscription(shop)
    shop(f"purchase quantity {purchase} --quantity 3 --unit-price 10")

    done = shop(f"purchase price {purchase} tea-half -o json", as_="agent")

    assert done.json[0]["message"] == "price_point tea -> tea-half, unit_price 10.00 -> 5.00, price 30.00 -> 15.00"
    shown = look_up(shop, purchase)
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
    purchase = subscription(shop, cycle=3)
    make_price(shop, "tea-3", "5.00", sku="tea", interval="month", final_cycle=3)
    make_price(shop, "tea-4", "5.00", sku="tea", interval="month", final_cycle=4)

    over, fitting = (shop(f"purchase price {purchase} {price} -o json") for price in ("tea-3", "tea-4"))

    assert (over.code, over.error["message"]) == (5, "tea-3 ends with cycle 3")
    assert (fitting.code, look_up(shop, purchase)["final_cycle"]) == (0, 4)


def test_a_price_point_that_does_not_fit_is_a_conflict(shop: Shop) -> None:
    purchase = subscription(shop)
    make_price(shop, "tea-yen", "500", "JPY", sku="tea", interval="month")
    make_price(shop, "tea-once", "12.00", sku="tea")
    make_price(shop, "coffee", "12.00", interval="month")

    done = {code: shop(f"purchase price {purchase} {code} -o json") for code in ("tea-yen", "tea-once", "coffee")}
    large = shop(f"purchase price {purchase} tea-large -o json")

    assert [one.code for one in (*done.values(), large)] == [5, 5, 5, 5]
    assert done["tea-yen"].error["cause"] == "the order is in USD, and an order has one currency"
    assert large.error["fix"] == f"csctl purchase option {purchase} large --price tea-large"
    assert shop(f"purchase price {purchase} nothing").code == 4
    assert look_up(shop, purchase)["price_point"] == "tea"


def test_what_is_not_in_the_catalog_has_no_options_and_price_points(shop: Shop) -> None:
    subscription(shop)
    purchase = make_purchase(shop, status=PurchaseStatus.ACTIVE, interval="month")

    assert shop(f"purchase option {purchase} large").code == 5
    assert shop(f"purchase price {purchase} tea").code == 5


def test_next_only_leaves_the_purchase_as_it_is_and_changes_its_next_billing(shop: Shop) -> None:
    purchase = subscription(shop)

    done = shop(f"purchase option {purchase} large --price tea-large --next-only -o json")

    assert "price" not in done.json[0]["after"]
    shown = look_up(shop, purchase)
    assert (shown["option"], shown["price"]) == ("default", "10.00")
    assert (shown["next_billing"]["option"], shown["next_billing"]["price"]) == ("large", "15.00")
    assert "15.00 USD (large, tea-large), once" in shop(f"purchase show {purchase}").out


def test_what_is_said_last_has_its_way_with_the_next_billing(shop: Shop) -> None:
    purchase = subscription(shop)
    shop(f"purchase price {purchase} tea-half --next-only")
    shop(f"purchase quantity {purchase} --quantity 2 --unit-price 7 --next-only")

    assert look_up(shop, purchase)["next_billing"]["price"] == "14.00"
    assert look_up(shop, purchase)["price"] == "10.00"
    shop(f"purchase quantity {purchase} --quantity 1 --unit-price 9")
    assert look_up(shop, purchase)["next_billing"]["price"] == "9.00"
    assert look_up(shop, purchase)["next_billing"]["price_point"] == "tea"
