"""Every detail of a customer is imported, shown, exported, searched, merged and erased."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

from csctl.domain.customer_fields import CUSTOMER_FIELDS
from tests.customers.test_erasing import everything
from tests.factories import make_customer, number
from tests.shops import Shop

# Values of fields that have a form of their own; all others are texts.
FORMS = {
    "email": "zq@quux.example",
    "phone": "+12175550177",
    "ip": "203.0.113.99",
    "billing_country": "FI",
    "shipping_country": "IS",
}
DETAILS = {name: FORMS.get(name, f"Zq{name.replace('_', '').capitalize()}") for name in CUSTOMER_FIELDS}
EMPTY = dict.fromkeys(("first_name", "last_name", "email", "phone"))
COUNTRIES = ("billing_country", "shipping_country")  # two letters, which other words contain


@pytest.fixture
def person(shop: Shop) -> str:
    """A customer with a value of its own in every detail, imported from a file."""
    file = Path("person.csv")
    with file.open("w", newline="") as out:
        writer = csv.DictWriter(out, ["external_id", *DETAILS])
        writer.writeheader()
        writer.writerow({"external_id": "web-9", **DETAILS})
    done = shop(f"data import customers {file}")
    assert done.code == 0, done.err
    make_customer(shop, billing=None, shipping=None)
    return "cus_1"


def details_of(shop: Shop, who: str) -> dict[str, Any]:
    return {**shop.sql("SELECT * FROM customers WHERE id = :id", id=number(who))[0]}


def missing(text: str) -> list[str]:
    return [name for name, value in DETAILS.items() if value not in text]


def test_a_detail_is_imported(shop: Shop, person: str) -> None:
    row = details_of(shop, person)

    assert {name: row[name] for name in DETAILS} == DETAILS


def test_a_detail_is_shown_and_exported(shop: Shop, person: str) -> None:
    for words in (
        f"customer show {person}",
        f"customer show {person} -o json",
        f"customer export {person}",
        "data export customers",
    ):
        assert (words, missing(shop(words).out)) == (words, [])


def test_a_detail_is_found_by_its_options_and_by_a_query(shop: Shop, person: str) -> None:
    for name, field in CUSTOMER_FIELDS.items():
        for option in field.searched:
            flag = "" if option == "query" else f"--{option.replace('_', '-')}"
            done = shop(f"customer search {flag} {DETAILS[name].upper()} -o json")
            assert (name, option, [row["id"] for row in done.json]) == (name, option, [person])


def test_a_detail_is_filled_in_by_a_merge(shop: Shop, person: str) -> None:
    kept = make_customer(shop, **EMPTY, billing=None, shipping=None)

    done = shop(f"customer merge {kept} {person} --yes")

    assert done.code == 0, done.err
    row = details_of(shop, kept)
    assert {name: row[name] for name in DETAILS} == DETAILS


def test_a_detail_is_erased(shop: Shop, person: str) -> None:
    assert shop(f"customer erase {person} --yes").code == 0

    after = everything(shop)
    row = details_of(shop, person)
    assert [name for name, value in DETAILS.items() if name not in COUNTRIES and value.casefold() in after] == []
    assert {name: row[name] for name in DETAILS if row[name]} == {"first_name": "Erased"}
