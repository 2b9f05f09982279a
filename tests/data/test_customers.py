"""Customers and payment methods from files."""

from __future__ import annotations

import pytest

from csctl.card_numbers import bin_to_keep
from tests.data.files import CUSTOMER, METHOD, ORDER, bring, bring_all, counts, reasons
from tests.factories import make_customer
from tests.selection import one_database
from tests.shops import Shop


def the_customer(shop: Shop, column: str) -> object:
    return shop.sql(f"SELECT {column} AS found FROM customers WHERE external_id = 'c1'")[0]["found"]  # noqa: S608


@pytest.mark.parametrize(
    ("field", "given", "kept"),
    [
        ("email", " Zoe@EXAMPLE.com ", "Zoe@example.com"),
        ("email", "zoe@shop.test", "zoe@shop.test"),
        ("email", "zoe@intranet.local", "zoe@intranet.local"),
        ("ip", "2001:DB8::0007", "2001:db8::7"),
        ("billing_country", "Czech Republic", "CZ"),
        ("billing_country", "USA", "US"),
        ("billing_country", "de", "DE"),
        ("billing_country", "Russia", "RU"),
        ("billing_country", "U.K.", "GB"),
        ("billing_country", "Trinidad & Tobago", "TT"),
        ("last_name", "  Bjørn ", "Bjørn"),
    ],
)
def test_details_are_kept_in_their_normal_form(shop: Shop, field: str, given: str, kept: str) -> None:
    bring_all(shop, "customers", {"external_id": "c1", field: given})

    assert the_customer(shop, field) == kept


@pytest.mark.parametrize(
    ("field", "given", "said"),
    [
        ("email", "zoe@", "email"),
        ("ip", "1.2.3.400", "not an IP address"),
        ("created_at", "yesterday", "created_at: 'yesterday' is not a time"),
        ("first_name", "x" * 501, "too long"),
    ],
)
def test_a_detail_that_makes_no_sense_refuses_its_row(shop: Shop, field: str, given: str, said: str) -> None:
    done = bring(shop, "customers", CUSTOMER, {"external_id": "c2", field: given})

    assert done.code == 3
    assert counts(done) == {"created": 1, "rejected": 1}
    assert said in reasons(done)[0]


@pytest.mark.parametrize(
    ("number", "country", "shop_country", "kept"),
    [
        ("030 1234567", "Germany", None, "+49301234567"),
        ("030 1234567", "", "DE", "+49301234567"),
        ("(217) 555-0100", "US", "DE", "+12175550100"),
        ("+44 20 7946 0958", "US", "DE", "+442079460958"),
    ],
)
def test_the_country_of_the_row_else_of_the_shop_helps_to_read_a_phone_number(
    shop: Shop, number: str, country: str, shop_country: str | None, kept: str
) -> None:
    if shop_country:
        assert shop(f"setting set country {shop_country}").code == 0

    bring_all(shop, "customers", {"external_id": "c1", "phone": number, "billing_country": country})

    assert the_customer(shop, "phone") == kept


def test_an_invalid_phone_number_is_kept_as_given_with_a_warning_and_found_by_its_digits(shop: Shop) -> None:
    done = bring(shop, "customers", {**CUSTOMER, "phone": "0123-45 (ask Zoë)"})

    assert done.code == 0
    assert "1 phone numbers are not valid" in done.err
    assert "line 2" in done.err
    assert [row["external_id"] for row in shop("customer search --phone 012345 -o json").json] == ["c1"]


def test_a_time_without_an_offset_is_the_shops(shop: Shop) -> None:
    assert shop("setting set timezone America/New_York").code == 0

    bring_all(shop, "customers", {**CUSTOMER, "created_at": "2026-01-01 10:00:00"})

    assert shop("customer show cus_1 -o json").json["created_at"] == "2026-01-01T15:00:00Z"


def test_what_was_imported_is_found_by_search(shop: Shop) -> None:
    bring_all(shop, "customers", {"external_id": "c1", "last_name": "Müller", "shipping_city": "Łódź"})

    assert len(shop("customer search --name muller -o json").json) == 1
    assert len(shop("customer search --city lodz -o json").json) == 1


def test_an_erased_customer_does_not_come_back(shop: Shop) -> None:
    bring_all(shop, "customers", CUSTOMER)
    bring_all(shop, "orders", {**ORDER, "shipping_line1": "12 Elm Street"})
    bring_all(shop, "payment-methods", METHOD)
    assert shop("customer erase cus_1 --yes").code == 0

    again = bring(shop, "customers", {**CUSTOMER, "email": "new@example.com"}, more="--update")
    order = bring(shop, "orders", {**ORDER, "shipping_line1": "12 Elm Street"}, more="--update")
    new = bring(shop, "orders", {**ORDER, "external_id": "o2"})

    assert counts(again) == {"unchanged": 1}
    assert "erased" in again.err
    assert counts(order) == {"unchanged": 1}
    assert "erased" in reasons(new)[0]
    assert "Elm" not in str(shop.sql("SELECT * FROM orders"))


def test_what_names_a_merged_customer_goes_to_the_one_who_is_left(shop: Shop) -> None:
    bring_all(shop, "customers", CUSTOMER, {**CUSTOMER, "external_id": "c2"})
    assert shop("customer merge cus_1 cus_2 --yes").code == 0

    bring_all(shop, "orders", {**ORDER, "customer": "c2"})

    assert shop("order show ord_1 -o json").json["customer_id"] == "cus_1"


# -- payment methods


def test_a_payment_method_is_kept_with_its_token(shop: Shop) -> None:
    bring_all(shop, "customers", CUSTOMER)

    bring_all(
        shop,
        "payment-methods",
        {**METHOD, "gateway": "MAIN", "brand": "visa", "bin": "424242", "exp_month": "07", "exp_year": "29"},
    )

    columns = "gateway, token, brand, bin, last4, exp_month, exp_year, is_default"
    row = shop.sql(f"SELECT {columns} FROM payment_methods")[0]  # noqa: S608
    assert list(row.values()) == ["main", "tok_ok", "visa", "424242", "4242", 7, 2029, False]


@pytest.mark.parametrize(
    ("first", "kept"),
    [
        ("42424242", "42424242"),
        ("222100", "222100"),
        ("27209999", "27209999"),
        ("35287777", "35287777"),
        ("60110000", "60110000"),
        ("37828224", "378282"),
        ("30569309", "305693"),
        ("62000000", "620000"),
        ("50180000", "501800"),
    ],
)
def test_eight_digits_of_a_card_are_kept_where_its_number_has_sixteen(first: str, kept: str) -> None:
    assert bin_to_keep(first) == kept


@one_database
def test_an_import_keeps_no_more_digits_of_a_card_than_it_may(shop: Shop) -> None:
    bring_all(shop, "customers", CUSTOMER)

    assert bring(shop, "payment-methods", {**METHOD, "bin": "37828224"}).code == 0

    assert shop.sql("SELECT bin FROM payment_methods") == [{"bin": "378282"}]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"customer": "c9"}, "customer: there is no customer 'c9'"),
        ({"customer": ""}, "customer is missing"),
        ({"token": ""}, "token is missing"),
        ({"token": "4242424242424242"}, "card number"),
        ({"gateway": "no name"}, "gateway"),
        ({"last4": "42"}, "last4: it must be 4 digits"),
        ({"bin": "42424"}, "bin: it must be 6 to 8 digits"),
        ({"exp_month": "13"}, "exp_month"),
        ({"exp_year": "1899"}, "exp_year"),
        ({"default": "perhaps"}, "default"),
    ],
)
def test_a_payment_method_that_makes_no_sense_is_rejected(shop: Shop, given: dict[str, str], said: str) -> None:
    bring_all(shop, "customers", CUSTOMER)

    done = bring(shop, "payment-methods", {**METHOD, **given})

    assert done.code == 3
    assert said in reasons(done)[0]


def test_the_newest_that_says_so_is_the_only_default(shop: Shop) -> None:
    bring_all(shop, "customers", CUSTOMER)
    bring_all(shop, "payment-methods", {**METHOD, "default": "true"})

    bring_all(shop, "payment-methods", *({**METHOD, "external_id": name, "default": "yes"} for name in ("m2", "m3")))

    rows = shop.sql("SELECT external_id FROM payment_methods WHERE is_default")
    assert rows == [{"external_id": "m3"}]


def test_a_payment_method_does_not_change_hands(shop: Shop) -> None:
    bring_all(shop, "customers", CUSTOMER, {**CUSTOMER, "external_id": "c2"})
    bring_all(shop, "payment-methods", METHOD)

    done = bring(shop, "payment-methods", {**METHOD, "customer": "c2"}, more="--update")

    assert "customer: it cannot be changed" in reasons(done)[0]


def test_customers_made_by_csctl_can_be_referred_to_by_the_id_of_an_export(shop: Shop) -> None:
    make_customer(shop)
    exported = shop("data export customers -o jsonl").rows[0]["external_id"]

    bring_all(shop, "orders", {**ORDER, "customer": exported})

    assert shop("order show ord_1 -o json").json["customer_id"] == "cus_1"
