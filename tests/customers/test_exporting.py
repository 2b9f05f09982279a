"""All that is known of a person, as one document."""

from __future__ import annotations

from tests.factories import make_customer, make_fulfillment, make_order, make_payment_method, make_sale
from tests.shops import Shop
from tests.views.records import make_entry


def test_the_document_holds_all_that_is_known(shop: Shop) -> None:
    customer = make_customer(shop, email="jane@example.com")
    card = make_payment_method(shop, customer, token="tok_ok_of_jane")
    order = make_order(shop, customer)
    sale = make_sale(shop, order=order, payment_method=card)
    fulfillment = make_fulfillment(shop, order)
    make_entry(shop, "email", "*@example.com")
    refund = shop(f"txn refund {sale} --amount 5 --yes -o json").json[0]["transaction_id"]
    shop("customer", "note", customer, "likes blue")

    done = shop(f"customer export {customer}", as_="agent")

    document = done.json
    assert (done.code, document["id"], document["email"]) == (0, customer, "jane@example.com")
    assert [row["id"] for row in document["orders"]] == [order]
    assert [row["id"] for row in document["transactions"]] == [sale, refund]
    assert [row["id"] for row in document["fulfillments"]] == [fulfillment]
    assert (document["payment_methods"][0]["last4"], document["orders"][0]["total"]) == ("4242", "19.99")
    assert "5.00" in document["emails"][0]["text"]
    assert "likes blue" in [row["text"] for row in document["history"]]
    assert document["blacklist"][0]["value"] == "*@example.com"
    assert {"txn refund", "customer note"} <= {row["command"] for row in document["audit"]}


def test_the_document_holds_no_secrets_and_no_other_customer(shop: Shop) -> None:
    customer = make_customer(shop)
    make_sale(shop, customer=customer, token="tok_of_jane")
    make_sale(shop, customer=make_customer(shop, email="other@example.com"))

    text = shop(f"customer export {customer} -o json").out

    assert "tok_of_jane" not in text
    assert "other@example.com" not in text


def test_who_was_merged_into_the_person_is_in_their_document(shop: Shop) -> None:
    kept, other = make_customer(shop), make_customer(shop, email="old@example.com")
    shop(f"customer merge {kept} {other} --yes")

    document = shop(f"customer export {kept}").json

    assert [(row["id"], row["email"]) for row in document["merged"]] == [(other, "old@example.com")]


def test_a_customer_who_does_not_exist_is_not_exported(shop: Shop) -> None:
    done = shop("customer export cus_99 -o json")

    assert (done.code, done.out) == (4, "")
    assert shop("customer export nobody@example.com").code == 4
