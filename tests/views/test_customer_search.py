"""Finding customers, by whatever an agent has of them."""

from __future__ import annotations

import pytest

from csctl.domain.addresses import Address
from tests.factories import (
    make_customer,
    make_fulfillment,
    make_order,
    make_payment_method,
    make_purchase,
    make_sale,
    make_transaction,
)
from tests.shops import Shop
from tests.views.queries import queries_of
from tests.views.records import make_entry

pytestmark = pytest.mark.both_databases

BERLIN = Address("Hauptstraße 5", "Hinterhaus", "Köln-Mülheim", "Nordrhein-Westfalen", "51063", "DE")

FINDING = [
    "bjorn",
    "BJØRN",
    "muller bjørn",
    "'muller bjørn'",
    "ludenscheid",
    "bjoern_m@example",
    "hauptstrasse mulheim",
    "'0221 98 76 54'",
    "+49 221 987654",
    "987654",
    "C-77",
    "INV-9",
    "T-5",
    "cus_2",
    "ord_1",
    "txn_1",
    "pur_1",
    "ful_1",
    "--name 'muller bjorn'",
    "--first-name bjor",
    "--last-name lüdenscheidt",
    "--email EXAMPLE.NET",
    "--phone '+49 (0)221 / 987-654'",
    "--phone 0049221987654",
    "--phone 7654",
    "--address 'hinterhaus hauptstrasse'",
    "--city koln",
    "--region WESTFALEN",
    "--postal-code 510",
    "--country germany",
    "--country de",
    "--ip 203.0.113.7",
    "--card-last4 4444",
    "--card-bin 555544",
    "--card-bin 55554412 --card-last4 4444",
    "--order ord_1",
    "--txn 1",
    "--gateway-ref pi_31",
    "--tracking 00340434161094",
    "--external-id C-77",
    "--status cancelled",
    "--status recycle_billing",
    "--since 2026-02-10 --until 2026-02-10",
    "muller --city köln --status cancelled",
]
MISSING = [
    "bjorn nobody",
    "--first-name bjorn --city springfield",
    "--last-name %",
    "--last-name _",
    "'%'",
    "--email bjoernxm@",
    "--card-last4 4444 --card-bin 424242",
    "--external-id C-7",
    "--gateway-ref pi_3",
    "--tracking 0034",
    "--ip 203.0.113",
    "--since 2026-02-11 --name bjorn",
    "--until 2026-02-09 --name bjorn",
    "--country france",
    "--name 🂡",
]
SENSELESS = [
    "",
    "''",
    "--email ''",
    "--name ' '",
    "--phone none",
    "--card-last4 42",
    "--card-last4 4242424242424242",
    "--card-bin 4x",
    "--since someday",
    "--until 99999-01-01",
    "--status sleeping",
    "--order txn_1",
]


def found(shop: Shop, words: str) -> list[str]:
    done = shop(f"customer search {words} -o json")
    assert done.code == 0, done.err
    return [row["id"] for row in done.json]


@pytest.fixture
def bjorn(shop: Shop) -> str:
    """A customer with a value in every field, among others with other values."""
    make_customer(shop, phone="+12125550199")
    assert shop("setting set country DE").code == 0
    bjorn = make_customer(
        shop,
        external_id="C-77",
        first_name="Bjørn",
        last_name="Müller-Lüdenscheidt",
        email="Bjoern_M@Example.net",
        phone="+49221987654",
        ip="203.0.113.7",
        billing=BERLIN,
        shipping=BERLIN,
        created_at="2026-02-10T12:00:00Z",
    )
    method = make_payment_method(shop, bjorn, bin="555544", last4="4444")
    order = make_order(shop, bjorn, external_id="INV-9", status="cancelled")
    make_purchase(shop, order, status="recycle_billing", external_id="L-1")
    make_sale(shop, order=order, payment_method=method, adopt=False, gateway_ref="pi_31", external_id="T-5")
    make_fulfillment(shop, order, "shipped", tracking="00340434161094")
    make_customer(shop)
    return bjorn


def test_every_field_finds_the_customer_and_no_other(shop: Shop, bjorn: str) -> None:
    missed = [words for words in FINDING if found(shop, words) != [bjorn]]

    assert missed == []


def test_what_does_not_match_in_every_field_is_not_found(shop: Shop, bjorn: str) -> None:
    matched = [words for words in MISSING if bjorn in found(shop, words)]

    assert matched == []


def test_a_search_that_cannot_be_is_a_usage_error_and_prints_nothing(shop: Shop) -> None:
    answers = {words: shop(f"customer search {words} -o json") for words in SENSELESS}

    assert {words: (done.code, done.out) for words, done in answers.items()} == dict.fromkeys(SENSELESS, (2, ""))
    assert {done.error["code"] for done in answers.values()} == {"usage"}


def test_hostile_text_is_refused_and_not_looked_for(shop: Shop) -> None:
    texts = ["x" * 1_000_000, "a\udcffb", "a\x00b", "a\nb"]
    ways = [(), ("--email",), ("--tracking",), ("--region",), ("--phone",), ("--country",)]

    assert {shop("customer", "search", *way, text).code for text in texts for way in ways} == {2}


def test_a_day_is_the_shops_day(shop: Shop) -> None:
    shop("setting set timezone America/New_York")
    customer = make_customer(shop, created_at="2026-02-11T03:00:00Z")  # ten in the evening of the 10th

    assert found(shop, "--since 2026-02-10 --until 2026-02-10") == [customer]
    assert found(shop, "--since 2026-02-11") == []
    assert found(shop, "--since 2026-02-11T03:00:00Z --until 2026-02-10T22:00:00-05:00") == [customer]


def test_a_number_is_found_as_it_was_kept_where_it_was_not_understood(shop: Shop) -> None:
    customer = make_customer(shop, phone="0 30 / 12 34")

    assert found(shop, "--phone 0301234") == [customer]


def test_the_newest_customer_comes_first_and_the_limit_says_that_there_are_more(shop: Shop) -> None:
    old = make_customer(shop, last_name="Roe", created_at="2026-01-01T00:00:00Z")
    new = make_customer(shop, last_name="Roe", created_at="2026-01-03T00:00:00Z")
    middle = make_customer(shop, last_name="Roe", created_at="2026-01-02T00:00:00Z")

    assert found(shop, "roe") == [new, middle, old]
    done = shop("customer search roe --limit 2 -o name")
    assert done.out.split() == [new, middle]
    assert "more than 2" in done.err


def test_a_row_tells_of_orders_and_of_the_blacklist(shop: Shop) -> None:
    customer = make_customer(shop, email="jane@bad.example")
    make_order(shop, customer, placed_at="2026-01-05T10:00:00Z")
    make_order(shop, customer, placed_at="2026-01-07T10:00:00Z")
    make_entry(shop, "email", "*@bad.example")

    (row,) = shop("customer search jane -o json").json

    assert list(row) == [
        "id",
        "external_id",
        "first_name",
        "last_name",
        "email",
        "phone",
        "city",
        "region",
        "postal_code",
        "country",
        "blacklisted",
        "orders",
        "last_order_at",
        "created_at",
    ]
    assert (row["orders"], row["last_order_at"]) == (2, "2026-01-07T10:00:00Z")
    assert row["blacklisted"] is True


def test_many_customers_take_no_more_queries_than_one(shop: Shop) -> None:
    make_order(shop, make_customer(shop, last_name="Roe"))
    for_one = queries_of(shop, "customer search roe")
    for _ in range(30):
        make_order(shop, make_customer(shop, last_name="Roe"))

    assert queries_of(shop, "customer search roe") == for_one


def test_all_of_more_than_a_batch_are_listed_once_each(shop: Shop) -> None:
    from csctl.models import Customer

    with shop.session() as session:
        session.add_all(Customer(last_name="Roe", created_at=shop.moment, updated_at=shop.moment) for _ in range(1201))

    listed = shop("customer search roe --all -o name").out.split()

    assert len(listed) == len(set(listed)) == 1201


def test_orders_are_found_by_their_customer_and_by_what_is_their_own(shop: Shop) -> None:
    jane = make_customer(shop, last_name="Roe")
    first = make_order(shop, jane, external_id="INV-1", placed_at="2026-02-01T10:00:00Z")
    second = make_order(shop, jane, status="cancelled", placed_at="2026-02-02T10:00:00Z")
    make_transaction(shop, "sale", "declined", order=first, gateway_ref="ch_1")
    make_order(shop, make_customer(shop))

    def orders(words: str) -> list[str]:
        return [row["id"] for row in shop(f"order search {words} -o json").json]

    assert orders("roe") == [second, first]
    assert orders("roe --status cancelled") == [second]
    assert orders("--last-name roe --until 2026-02-01") == [first]
    assert orders("INV-1") == orders("--external-id INV-1") == orders("--gateway-ref ch_1") == [first]
    assert orders(second) == [second]
    assert second in orders("2")
    assert orders("--external-id INV-2") == []


def test_an_order_is_found_by_the_card_that_paid_it_and_not_by_the_customers_other_one(shop: Shop) -> None:
    jane = make_customer(shop)
    gold = make_payment_method(shop, jane, last4="1111")
    make_payment_method(shop, jane, last4="2222")
    paid = make_order(shop, jane)
    make_sale(shop, order=paid, payment_method=gold, adopt=False)
    unsaid = make_order(shop, jane, placed_at="2026-01-01T00:00:00Z")

    assert shop("order search --card-last4 1111 -o name").out.split() == [paid, unsaid]
    assert shop("order search --card-last4 2222 -o name").out.split() == [unsaid]


def test_a_merged_customer_is_not_found_twice(shop: Shop) -> None:
    kept = make_customer(shop, last_name="Roe")
    make_customer(shop, last_name="Roe", merged_into_id=1)

    assert found(shop, "roe") == [kept]
