"""Products, orders, purchases and fulfillments from files."""

from __future__ import annotations

import pytest

from tests.data.files import CUSTOMER, ORDER, PRICE, PURCHASE, SALE, bring, bring_all, counts, reasons
from tests.shops import Shop


@pytest.fixture
def stocked(shop: Shop) -> Shop:
    """A customer with an order, and a product with a monthly price."""
    bring_all(shop, "customers", {**CUSTOMER, "billing_line1": "12 Elm Street", "billing_city": "Bonn"})
    bring_all(shop, "orders", ORDER)
    bring_all(shop, "products", PRICE)
    return shop


def the_order(shop: Shop) -> dict[str, object]:
    found: dict[str, object] = shop("order show ord_1 -o json").json
    return found


# -- products


def test_a_row_is_a_price_point_and_products_and_options_come_with_it(shop: Shop) -> None:
    bring_all(
        shop,
        "products",
        {**PRICE, "name": "Fine tea"},
        {
            **PRICE,
            "price": "tea-yearly",
            "interval": "12 months",
            "trial_days": "14",
            "trial_amount": "1.50",
            "final_cycle": "3",
        },
        {**PRICE, "price": "tea-green", "option": "green", "option_name": "Green"},
    )

    terms = "p.code, p.interval, p.trial_days, p.trial_amount, p.final_cycle"
    columns = f"{terms}, o.code AS option, o.name, products.name AS product"
    rows = shop.sql(
        f"SELECT {columns} FROM price_points p JOIN product_options o ON o.id = p.option_id"  # noqa: S608
        " JOIN products ON products.id = o.product_id ORDER BY p.id"
    )
    assert [tuple(row.values()) for row in rows] == [
        ("tea-monthly", "month", None, None, None, "default", None, "Fine tea"),
        ("tea-yearly", "12 months", 14, 150, 3, "default", None, "Fine tea"),
        ("tea-green", "month", None, None, None, "green", "Green", "Fine tea"),
    ]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"interval": "fortnight"}, "interval: 'fortnight' is not an interval"),
        ({"amount": "-1"}, "amount: -1 is negative"),
        ({"amount": "1,50"}, "amount: '1,50' is not an amount"),
        ({"amount": "19.999"}, "finer than USD allows"),
        ({"amount": "0.5", "currency": "JPY"}, "finer than JPY allows"),
        ({"currency": "DOLLAR"}, "currency: 'DOLLAR' is not an ISO 4217 currency"),
        ({"trial_days": "14", "interval": ""}, "has no trial"),
        ({"trial_days": "-1"}, "trial_days"),
        ({"trial_amount": "1"}, "trial_days is missing"),
        ({"interval": "", "final_cycle": "3"}, "what is bought once has none"),
        ({"price": ""}, "price is missing"),
    ],
)
def test_a_price_that_makes_no_sense_is_rejected(shop: Shop, given: dict[str, str], said: str) -> None:
    done = bring(shop, "products", {**PRICE, **given})

    assert done.code == 3
    assert said in reasons(done)[0]
    assert shop.sql("SELECT id FROM products") == []


def test_a_price_keeps_its_product_and_its_currency(stocked: Shop) -> None:
    done = bring(stocked, "products", {**PRICE, "sku": "coffee"}, {**PRICE, "currency": "EUR"}, more="--update")

    assert counts(done) == {"rejected": 2}


def test_a_price_is_brought_up_to_date(stocked: Shop) -> None:
    done = bring(stocked, "products", {**PRICE, "name": "Tea", "amount": "12.00"}, more="--update")

    assert counts(done) == {"updated": 1}
    assert stocked.sql("SELECT amount FROM price_points") == [{"amount": 1200}]


# -- orders


def test_an_order_has_the_customers_addresses_unless_it_says_where_it_goes(shop: Shop) -> None:
    bring_all(shop, "customers", {**CUSTOMER, "billing_line1": "12 Elm Street"})
    bring_all(shop, "orders", ORDER, {**ORDER, "external_id": "o2", "shipping_line1": "1 Dock Road"})

    rows = shop.sql("SELECT billing_line1, shipping_line1 FROM orders ORDER BY id")
    assert [tuple(row.values()) for row in rows] == [
        ("12 Elm Street", "12 Elm Street"),
        ("12 Elm Street", "1 Dock Road"),
    ]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"customer": "c9"}, "there is no customer 'c9'"),
        ({"currency": "XXZ"}, "currency"),
        ({"status": "done"}, "one of: pending, complete, declined, cancelled, refunded"),
        ({"placed_at": "31.1.2026"}, "placed_at"),
    ],
)
def test_an_order_that_makes_no_sense_is_rejected(shop: Shop, given: dict[str, str], said: str) -> None:
    bring_all(shop, "customers", CUSTOMER)

    done = bring(shop, "orders", {**ORDER, **given})

    assert done.code == 3
    assert said in reasons(done)[0]


def test_an_order_comes_to_what_was_due_at_checkout(stocked: Shop) -> None:
    assert the_order(stocked)["total"] == "0.00"

    bring_all(stocked, "purchases", {**PURCHASE, "quantity": "3"}, {**PURCHASE, "external_id": "p2"})
    assert the_order(stocked)["total"] == "40.00"

    bring_all(
        stocked,
        "transactions",
        {**SALE, "external_id": "t2", "amount": "5.00", "created_at": "2026-03-01"},  # a rebill
        {**SALE, "external_id": "t0", "state": "declined", "settlement": "", "created_at": "2026-01-01"},
        {**SALE, "amount": "38.00"},
    )
    assert the_order(stocked)["total"] == "38.00"


# -- purchases


def test_a_purchase_without_a_price_is_bought_once(stocked: Shop) -> None:
    bring_all(stocked, "purchases", {**PURCHASE, "quantity": "2"})

    purchase = stocked("purchase show pur_1 -o json").json
    assert purchase["status"] == "complete"
    assert purchase["price"] == "20.00"
    assert purchase["product"] == "Tea"


def test_a_subscription_takes_its_interval_from_its_price_and_bills_on_its_day(stocked: Shop) -> None:
    """The order was placed on the 31st: what bills on the last of February returns to it."""
    bring_all(
        stocked,
        "purchases",
        {**PURCHASE, "price": "tea-monthly", "status": "active", "cycle": "1", "next_bill_on": "2026-02-28"},
    )

    row = stocked.sql("SELECT status, interval, billing_day, cycle FROM purchases")[0]
    assert list(row.values()) == ["active", "month", 31, 1]


def test_a_subscription_takes_its_final_cycle_from_its_price_too(stocked: Shop) -> None:
    bring_all(stocked, "products", {**PRICE, "price": "course", "interval": "month", "final_cycle": "6"})
    bring_all(stocked, "purchases", {**PURCHASE, "price": "course", "status": "active", "next_bill_on": "2026-02-28"})

    assert stocked("purchase show pur_1 -o json").json["final_cycle"] == 6
    assert "6" in stocked("data export products -o csv").out.splitlines()[-1]


def test_a_trial_is_billed_when_it_ends(stocked: Shop) -> None:
    bring_all(
        stocked, "purchases", {**PURCHASE, "price": "tea-monthly", "status": "trial", "trial_ends_on": "2026-02-14"}
    )

    assert stocked("purchase show pur_1 -o json").json["next_bill_on"] == "2026-02-14"


def test_a_running_subscription_that_says_no_day_comes_in_with_a_warning(stocked: Shop) -> None:
    done = bring(stocked, "purchases", {**PURCHASE, "price": "tea-monthly", "status": "active"})

    assert counts(done) == {"created": 1}
    assert "will not be billed" in done.err


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"order": "o9"}, "order: there is no order 'o9'"),
        ({"description": ""}, "price is missing"),
        ({"price": "coffee"}, "there is no price 'coffee'"),
        ({"price": "tea-euro"}, "the order is in USD"),
        ({"unit_price": "-1"}, "unit_price: -1 is negative"),
        ({"unit_price": ""}, "unit_price is missing"),
        ({"quantity": "0"}, "quantity"),
        ({"quantity": "1.5"}, "quantity"),
        ({"status": "active"}, "invalid status active for a one-off purchase"),
        ({"status": "trial", "price": "tea-monthly"}, "trial_ends_on is missing"),
        ({"status": "gone"}, "one of: trial, active"),
        ({"next_bill_on": "soon"}, "next_bill_on"),
        ({"quantity": "1000000", "unit_price": "99999999999999"}, "more than can be kept"),
    ],
)
def test_a_purchase_that_makes_no_sense_is_rejected(stocked: Shop, given: dict[str, str], said: str) -> None:
    bring_all(stocked, "products", {**PRICE, "price": "tea-euro", "currency": "EUR"})

    done = bring(stocked, "purchases", {**PURCHASE, **given})

    assert done.code == 3
    assert said in reasons(done)[0]
    assert the_order(stocked)["total"] == "0.00"


def test_a_purchase_brought_up_to_date_has_its_price_computed(stocked: Shop) -> None:
    bring_all(stocked, "purchases", PURCHASE)

    done = bring(stocked, "purchases", {"external_id": "p1", "quantity": "4"}, more="--update")

    assert counts(done) == {"updated": 1}
    assert the_order(stocked)["total"] == "40.00"


# -- fulfillments


def test_a_shipment_is_found_by_its_tracking_number_whatever_it_looks_like(stocked: Shop) -> None:
    shipped = {
        "external_id": "f1",
        "order": "o1",
        "status": "shipped",
        "carrier": "UPS",
        "tracking": "4242424242424242",
        "shipped_at": "2026-02-01",
    }
    bring_all(stocked, "fulfillments", shipped, {"external_id": "f2", "order": "o1"})

    assert len(stocked("customer search --tracking 4242424242424242 -o json").json) == 1
    assert stocked.sql("SELECT status FROM fulfillments ORDER BY id") == [{"status": "shipped"}, {"status": "pending"}]


@pytest.mark.parametrize(
    ("given", "said"), [({"order": "o9"}, "no order 'o9'"), ({"status": "lost"}, "one of: hold, pending")]
)
def test_a_shipment_that_makes_no_sense_is_rejected(stocked: Shop, given: dict[str, str], said: str) -> None:
    done = bring(stocked, "fulfillments", {"external_id": "f1", "order": "o1", **given})

    assert said in reasons(done)[0]
