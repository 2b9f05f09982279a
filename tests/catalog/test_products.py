"""The catalog: products, options, price points."""

from __future__ import annotations

import pytest

from tests.factories import make_customer, make_order, make_payment_method, make_price, make_purchase
from tests.selection import on_sqlite
from tests.shops import Shop

MONTHLY = "--amount 9.99 --currency USD --interval monthly --trial-days 14 --trial-amount 1 --final-cycle 6"


def test_a_product_is_made_of_options_and_their_price_points(shop: Shop) -> None:
    made = shop("product create green-tea --name 'Green tea' -o json")
    option = shop("product option add green-tea large --name 'Large box' -o json")
    price = shop(f"product price add green-tea tea-monthly {MONTHLY} -o json")

    product = made.json[0]["id"]
    assert [one.json[0]["outcome"] for one in (made, option, price)] == ["created"] * 3
    shown = shop(f"product show {product} -o json").json
    assert (shown["sku"], shown["name"], shown["price_points"]) == ("green-tea", "Green tea", ["tea-monthly"])
    assert shown["options"] == [
        {
            "code": "large",
            "name": "Large box",
            "price_points": [
                {
                    "code": "tea-monthly",
                    "amount": "9.99",
                    "currency": "USD",
                    "interval": "month",
                    "trial_days": 14,
                    "trial_amount": "1.00",
                    "final_cycle": 6,
                }
            ],
        }
    ]
    assert shop("product show green-tea -o json").json == shown


def test_a_product_without_variants_needs_no_option(shop: Shop) -> None:
    shop("product create tea --name Tea")

    assert shop("product price add tea tea-once --amount 500 --currency jpy").code == 0
    page = shop("product show tea").out
    assert "OPTION DEFAULT" in page
    assert "500 JPY  once" in page


def test_with_several_options_a_price_says_which(shop: Shop) -> None:
    shop("product create tea --name Tea")
    for code in ("small", "large"):
        shop(f"product option add tea {code}")

    assert shop("product price add tea t1 --amount 5 --currency USD").code == 2
    assert shop("product price add tea t1 --amount 5 --currency USD --option LARGE").code == 0
    assert shop("product price add tea t2 --amount 5 --currency USD --option huge").code == 4


def test_codes_are_taken_once(shop: Shop) -> None:
    shop("product create tea --name Tea")
    shop("product create coffee --name Coffee")
    shop("product option add tea large")
    shop("product price add tea once --amount 5 --currency USD")

    assert shop("product create tea --name 'Other tea'").code == 5
    assert shop("product option add tea LARGE").code == 5
    assert shop("product price add coffee once --amount 5 --currency USD").code == 5
    assert shop("product show coffee -o json").json["options"] == []


@pytest.mark.parametrize(
    "terms",
    [
        "--amount -1 --currency USD",
        "--amount 9.999 --currency USD",
        "--amount 0.5 --currency JPY",
        "--amount much --currency USD",
        "--amount 5 --currency DOLLARS",
        "--amount 5 --currency USD --interval sometimes",
        "--amount 5 --currency USD --trial-days 14",
        "--amount 5 --currency USD --interval month --trial-amount 1",
        "--amount 5 --currency USD --interval month --trial-days -1",
        "--amount 5 --currency USD --interval month --trial-days 0",
        "--amount 5 --currency USD --interval month --trial-days 9999",
        "--amount 5 --currency USD --interval month --trial-days 14 --trial-amount -1",
        "--amount 5 --currency USD --final-cycle 6",
        "--amount 5 --currency USD --interval month --final-cycle 1",
        "--amount 5",
        "--currency USD",
    ],
)
@on_sqlite
def test_terms_that_cannot_be_are_usage_errors_and_change_nothing(shop: Shop, terms: str) -> None:
    shop("product create tea --name Tea")

    done = shop(f"product price add tea once {terms}")

    assert (done.code, done.out) == (2, "")
    assert shop("product show tea -o json").json["price_points"] == []


@pytest.mark.parametrize("code", ["", "two words", "a:b", "a@2", "-tea", "tea'", "4242424242424242", "x" * 101])
@on_sqlite
def test_a_code_can_be_typed_in_a_command_line(shop: Shop, code: str) -> None:
    assert shop("product", "create", "--name", "Tea", "--", code).code == 2


def test_a_trial_costs_nothing_unless_an_amount_is_given(shop: Shop) -> None:
    shop("product create tea --name Tea")

    shop("product price add tea t1 --amount 5 --currency KWD --interval month --trial-days 7")

    point = shop("product show tea -o json").json["options"][0]["price_points"][0]
    assert (point["amount"], point["trial_days"], point["trial_amount"]) == ("5.000", 7, "0.000")


def test_agents_read_the_catalog_and_admins_write_it(shop: Shop) -> None:
    shop("product create tea --name Tea")

    assert shop("product list -o json", as_="agent").json[0]["sku"] == "tea"
    assert shop("product show tea", as_="agent").code == 0
    for words in ("create x --name X", "option add tea x", "price add tea x --amount 1 --currency USD"):
        assert shop(f"product {words}", as_="agent").code == 6, words
    assert shop("product list", as_="service").code == 6


def test_a_listing_has_the_newest_first(shop: Shop) -> None:
    for sku in ("tea", "coffee", "cocoa"):
        shop(f"product create {sku} --name {sku}")

    assert [row["sku"] for row in shop("product list --limit 2 -o json").json] == ["cocoa", "coffee"]
    assert shop("product show chocolate").code == 4


def test_what_is_added_is_in_the_audit_log_and_a_dry_run_adds_nothing(shop: Shop) -> None:
    product = shop("product create tea --name Tea -o json").json[0]["id"]
    dry = shop("product price add tea once --amount 5 --currency USD --dry-run -o json")
    shop("product option add tea large")

    assert dry.json[0]["dry_run"] is True
    trail = shop(f"audit list --target {product} -o json").json
    assert [row["command"] for row in trail] == ["product option add", "product create"]
    assert shop("product show tea -o json").json["price_points"] == []


def test_a_retired_product_is_not_ordered_and_its_subscriptions_go_on(shop: Shop) -> None:
    price = make_price(shop, "tea", "20.00", sku="green-tea", interval="month")
    customer = make_customer(shop)
    make_payment_method(shop, customer)
    make_purchase(shop, make_order(shop, customer), price=price, status="active", next_bill_on=shop.now[:10])

    done = shop("product retire green-tea -o json")
    ordered = shop(f"order create --customer {customer} --item tea --yes")
    billed = shop("billing run -o json")

    assert (done.code, done.json[0]["message"]) == (0, "retired")
    assert ordered.code == 5
    assert [row["outcome"] for row in billed.json] == ["billed"]
    assert shop("product show green-tea -o json").json["retired_at"]
    shop("product retire green-tea --revert")
    assert shop(f"order create --customer {customer} --item tea --yes").code == 0


def test_a_product_gets_another_name(shop: Shop) -> None:
    make_price(shop, sku="green-tea")

    assert shop("product edit green-tea --name Sencha").code == 0
    assert shop("product show green-tea -o json").json["name"] == "Sencha"
    assert shop("product edit green-tea --name ''").code == 2
