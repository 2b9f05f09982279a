"""Merging customers who are one person."""

from __future__ import annotations

from csctl.domain.addresses import Address
from tests.factories import make_customer, make_fulfillment, make_order, make_payment_method, make_sale, number
from tests.shops import Shop
from tests.views.records import make_entry, make_event


def test_everything_of_the_other_moves_to_the_one_that_is_kept(shop: Shop) -> None:
    kept = make_customer(shop, phone=None, shipping=Address())
    other = make_customer(shop, phone="+12175550199")
    order = make_order(shop, other)
    sale = make_sale(shop, order=order, token="tok_refund_declined")
    fulfillment = make_fulfillment(shop, order)
    make_event(shop, other, "a note")
    shop(f"txn refund {sale} --yes")
    shop(f"order resend-email {order} --yes")

    done = shop(f"customer merge {kept} {other} --yes -o json")

    assert (done.code, done.json[0]["outcome"], done.json[0]["id"]) == (0, "updated", other)
    said = done.json[0]["message"]
    assert "1 order" in said
    assert "1 payment method" in said
    assert "1 refund queue item" in said
    assert "filled in phone, shipping" in said
    profile = shop(f"customer show {kept} -o json").json
    assert [row["id"] for row in profile["orders"]] == [order]
    assert [row["id"] for row in profile["fulfillments"]] == [fulfillment]
    assert len(profile["payment_methods"]) == len(profile["queue"]) == 1
    assert "a note" in [row["text"] for row in profile["history"]]
    assert profile["phone"] == "+12175550199"
    assert profile["shipping"]["city"] == "Springfield"
    assert {row["customer_id"] for row in shop.sql("SELECT customer_id FROM emails")} <= {number(kept)}


def test_the_other_stays_as_a_pointer_to_the_one_that_is_kept(shop: Shop) -> None:
    first, second, third = (make_customer(shop) for _ in range(3))

    shop(f"customer merge {second} {third} --yes")
    shop(f"customer merge {first} {second} --yes")

    assert shop(f"customer show {second} -o json").json["merged_into"] == first
    assert shop(f"customer show {third} -o json").json["merged_into"] == first
    assert f"merged into {first}" in shop(f"customer history {second} -o json").json[0]["text"]


def test_the_default_payment_method_of_the_one_that_is_kept_stays_the_default(shop: Shop) -> None:
    other = make_customer(shop)
    make_payment_method(shop, other)
    kept = make_customer(shop)
    default = make_payment_method(shop, kept)

    shop(f"customer merge {kept} {other} --yes")

    assert [f"pm_{row['id']}" for row in shop.sql("SELECT id FROM payment_methods WHERE is_default")] == [default]


def test_merging_removes_no_one_from_the_blacklist(shop: Shop) -> None:
    kept, other = make_customer(shop), make_customer(shop)
    make_entry(shop, "customer", other)

    shop(f"customer merge {kept} {other} --yes")

    assert shop(f"customer show {kept} -o json").json["blacklisted"] is True


def test_who_cannot_be_merged_stays_as_they_are(shop: Shop) -> None:
    kept, other, merged, erased = (make_customer(shop) for _ in range(4))
    shop(f"customer merge {kept} {merged} --yes")
    shop(f"customer erase {erased} --yes")

    for words in (f"{kept} {kept}", f"{kept} {merged}", f"{kept} {erased}", f"{erased} {other}", f"{merged} {other}"):
        assert shop(f"customer merge {words} --yes").code == 5, words
    assert shop(f"customer merge {kept} cus_99 --yes").code == 4
    assert shop(f"customer merge {kept} ord_1 --yes").code == 2
    assert shop(f"customer show {other} -o json").json["merged_into"] is None


def test_one_that_cannot_be_merged_does_not_stop_the_rest(shop: Shop) -> None:
    kept, first, second = (make_customer(shop) for _ in range(3))

    done = shop(f"customer merge {kept} {first} cus_99 {second} --yes -o json")

    assert done.code == 3
    assert [row["outcome"] for row in done.json] == ["updated", "refused", "updated"]


def test_a_dry_run_says_what_would_move_and_moves_nothing(shop: Shop) -> None:
    kept, other = make_customer(shop), make_customer(shop)
    make_order(shop, other)

    done = shop(f"customer merge {kept} {other} --dry-run -o json")

    assert (done.json[0]["dry_run"], done.json[0]["message"]) == (True, "moved 1 order")
    assert shop(f"customer show {other} -o json").json["merged_into"] is None
    assert len(shop(f"customer show {other} -o json").json["orders"]) == 1


def test_merging_is_for_administrators_and_asks(shop: Shop) -> None:
    kept, other = make_customer(shop), make_customer(shop)

    assert shop(f"customer merge {kept} {other} --yes", as_="agent").code == 6
    assert shop(f"customer merge {kept} {other}").code == 2
    assert shop(f"customer show {other} -o json").json["merged_into"] is None


def test_both_customers_are_in_the_audit_log(shop: Shop) -> None:
    kept, other = make_customer(shop), make_customer(shop)

    shop(f"customer merge {kept} {other} --yes")

    rows = shop("audit list --command 'customer merge' -o json").json
    assert {row["target"] for row in rows} == {kept, other}
