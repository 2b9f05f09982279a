"""Records by the names that callers use: another system's id, a gateway's reference, an email."""

from __future__ import annotations

import pytest

from tests.factories import make_customer, make_order, make_purchase, make_sale
from tests.refunds.scenes import paid
from tests.shops import Shop

pytestmark = pytest.mark.both_databases


def test_a_record_is_named_by_its_external_id(shop: Shop) -> None:
    order = make_order(shop, external_id="#1001")
    purchase = make_purchase(shop, order, external_id="line 7")

    assert shop("order", "show", "#1001", "-o", "json").json["id"] == order
    assert shop("purchase", "show", "line 7", "-o", "json").json["id"] == purchase


def test_a_transaction_is_named_by_its_gateway_reference(shop: Shop) -> None:
    sale = make_sale(shop, gateway_ref="ch_3Nabc")

    done = shop("txn refund ch_3Nabc --amount 5 --yes -o json", as_="agent")

    assert (done.code, done.json[0]["id"]) == (0, "ch_3Nabc")
    assert shop(f"txn show {sale} -o json").json["refunded"] == "5.00"


def test_a_customer_is_named_by_an_email_in_filters_too(shop: Shop) -> None:
    jane = make_customer(shop, email="Jane@example.com")
    order = make_order(shop, jane)
    make_order(shop)

    assert shop("customer show jane@example.com -o json").json["id"] == jane
    assert shop("order list --customer jane@example.com -o name").out == f"{order}\n"


def test_a_number_may_be_an_id_or_the_number_of_another_system(shop: Shop) -> None:
    first = make_order(shop, external_id="5001")
    second = make_order(shop, external_id="1")

    assert shop("order show 5001 -o json").json["id"] == first
    both = shop("order show 1 -o json")
    assert both.code == 5
    assert both.error["cause"] == f"{first}, {second}"
    assert shop("order show ord_1 -o json").json["id"] == first
    assert shop("order show 2 -o json").json["id"] == second


def test_a_number_that_the_shop_writes_with_a_mark_names_its_order(shop: Shop) -> None:
    """`#1001` is a comment to a shell, and callers say 1001."""
    order = make_order(shop, external_id="#1001")

    assert shop("order show 1001 -o json").json["id"] == order
    assert [row["orders"] for row in shop("customer search 1001 -o json").json] == [1]


def test_a_number_with_a_mark_and_an_id_that_are_two_orders_are_a_conflict(shop: Shop) -> None:
    """Else the money of another order would be returned."""
    first, second = make_order(shop, external_id="#2"), make_order(shop, external_id="#1")

    done = shop("order cancel 1 --yes")

    assert (done.code, f"{first}, {second}" in done.err) == (5, True)


def test_a_name_of_several_records_is_a_conflict_that_lists_them(shop: Shop) -> None:
    sales = [make_sale(shop, gateway_ref="same", adopt=False, gateway=account) for account in ("main", "eu")]

    done = shop("txn refund same --yes -o json")

    assert done.code == 5
    assert done.error["cause"] == ", ".join(sales)
    assert paid(shop) == []


def test_a_name_that_no_record_has_is_not_found(shop: Shop) -> None:
    for words in ("order show '#404'", "txn refund ch_404 --yes", "customer show nobody@example.com"):
        done = shop(f"{words} -o json")
        assert (done.code, done.out) == (4, ""), words


def test_one_record_named_twice_is_changed_once(shop: Shop) -> None:
    sale = make_sale(shop, gateway_ref="ch_1", external_id="T-1")

    done = shop(f"txn refund {sale} ch_1 T-1 --amount 5 --yes -o json")

    assert len(done.json) == 1
    assert paid(shop) == [("refund", "5.00")]


def test_a_filter_for_what_does_not_exist_is_an_error_and_no_empty_list(shop: Shop) -> None:
    make_sale(shop)

    for words in ("txn list --customer cus_99", "txn list --order ord_99", "order list --customer nobody@example.com"):
        done = shop(f"{words} -o json")
        assert (done.code, done.out) == (4, ""), words


def test_show_takes_several(shop: Shop) -> None:
    orders = [make_order(shop), make_order(shop)]

    several = shop(f"order show {' '.join(orders)} -o json")
    piped = shop("order show - -o name", input="\n".join(orders))
    pages = shop(f"order show {' '.join(orders)}")

    assert [row["id"] for row in several.json] == orders
    assert piped.out.split() == orders
    assert all(order in pages.out for order in orders)
    assert isinstance(shop(f"order show {orders[0]} -o json").json, dict)


def test_one_that_is_missing_does_not_keep_the_others_from_being_shown(shop: Shop) -> None:
    order = make_order(shop)

    done = shop(f"order show ord_99 {order} -o json")

    assert (done.code, [row["id"] for row in done.json]) == (3, [order])
    assert "ord_99" in done.err
    assert shop("order show ord_98 ord_99 -o json").code == 4


def test_of_a_change_only_what_succeeded_is_piped_on(shop: Shop) -> None:
    settled, unsettled = make_sale(shop), make_sale(shop, settled=False)

    done = shop(f"txn refund {settled} {unsettled} --yes -o name")

    assert (done.code, done.out) == (3, f"{settled}\n")
