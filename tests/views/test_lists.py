"""Orders, transactions and the refund queue, listed and one by one."""

from __future__ import annotations

from typing import Any

import pexpect
import pytest

from tests.factories import (
    customer_of,
    make_customer,
    make_fulfillment,
    make_order,
    make_payment_method,
    make_price,
    make_purchase,
    make_sale,
    make_transaction,
)
from tests.selection import on_sqlite
from tests.shops import Shop
from tests.views.records import make_queue_item


def listed(shop: Shop, words: str) -> list[str]:
    return shop(f"{words} -o name").out.split()


def test_orders_are_listed_by_status_customer_product_and_time(shop: Shop) -> None:
    jane = make_customer(shop)
    old = make_order(shop, jane, placed_at="2026-01-05T10:00:00Z")
    make_purchase(shop, old, description="Green Tea")
    new = make_order(shop, jane, status="cancelled", placed_at="2026-01-07T10:00:00Z")
    make_purchase(shop, new, price=make_price(shop, sku="coffee"))
    other = make_order(shop, placed_at="2026-01-06T10:00:00Z")

    assert listed(shop, "order list") == [new, other, old]
    assert listed(shop, "order list --status cancelled") == [new]
    assert listed(shop, f"order list --customer {jane}") == [new, old]
    assert listed(shop, "order list --since 2026-01-06 --until 2026-01-06") == [other]
    assert listed(shop, "order list --product coffee") == listed(shop, "order list --product 'PRODUCT COFF'") == [new]
    assert listed(shop, "order list --product tea") == [old]
    assert listed(shop, "order list --product prd_1") == [new]
    assert listed(shop, "order list --customer cus_99") == []


def test_an_order_shows_its_parts_and_what_was_refunded_of_its_sales(shop: Shop) -> None:
    order = make_order(shop, total="30.00")
    make_purchase(shop, order, "30.00")
    sale = make_sale(shop, "30.00", order=order, adopt=False, refunded=1000)
    make_transaction(shop, "sale", "declined", "30.00", order=order)
    make_fulfillment(shop, order)

    shown = shop(f"order show {order} -o json").json

    assert (shown["total"], shown["refunded"], shown["currency"]) == ("30.00", "10.00", "USD")
    assert [len(shown[part]) for part in ("purchases", "transactions", "fulfillments")] == [1, 2, 1]
    assert shown["transactions"][1]["id"] == sale


def test_transactions_are_listed_by_all_that_sets_them_apart(shop: Shop) -> None:
    sale = make_sale(shop, adopt=False)
    order = shop(f"txn show {sale} -o json").json["order_id"]
    jane = customer_of(shop, order)
    refund = make_transaction(shop, "refund", "failed", "5.00", order=order, parent=sale, gateway="eu")
    pending = make_sale(shop, settled=False, adopt=False)

    assert listed(shop, "txn list") == [pending, refund, sale]
    assert listed(shop, f"txn list --order {order}") == listed(shop, f"txn list --customer {jane}") == [refund, sale]
    assert listed(shop, "txn list --kind refund") == listed(shop, "txn list --state failed") == [refund]
    assert listed(shop, "txn list --settlement unsettled") == [pending]
    assert listed(shop, "txn list --gateway eu") == [refund]
    assert listed(shop, "txn list --until 2026-02-28") == [sale]


def test_a_transaction_shows_its_remaining_amount_and_its_outcomes(shop: Shop) -> None:
    order = make_order(shop)
    card = make_payment_method(shop, customer_of(shop, order))
    sale = make_sale(
        shop, "10.00", order=order, payment_method=card, adopt=False, refunded=200, reserved=300, created_by=1
    )
    refund = make_transaction(shop, "refund", "approved", "2.00", order=order, parent=sale, reason=None)

    shown = shop(f"txn show {sale} -o json").json

    assert (shown["refunded"], shown["refundable"]) == ("2.00", "5.00")
    assert (shown["voided"], shown["disputed"], shown["created_by"]) == (False, False, "admin")
    assert shown["payment_method"]["id"] == card
    assert [child["id"] for child in shown["children"]] == [refund]
    child = shop(f"txn show {refund} -o json").json
    assert (child["parent_id"], child["refunded"], child["refundable"]) == (sale, None, None)


@pytest.mark.parametrize("marks", [{"voided_at": "2026-03-01T00:00:00Z"}, {"disputed_at": "2026-03-01T00:00:00Z"}])
def test_nothing_is_left_of_a_voided_or_disputed_sale(shop: Shop, marks: dict[str, Any]) -> None:
    sale = make_sale(shop, adopt=False, **marks)

    shown = shop(f"txn show {sale} -o json").json

    assert shown["refundable"] == "0.00"
    assert (shown["voided"], shown["disputed"]) == ("voided_at" in marks, "disputed_at" in marks)


def test_a_list_of_transactions_tells_a_pending_charge_from_what_is_voided_refunded_or_disputed(shop: Shop) -> None:
    at = "2026-03-01T00:00:00Z"
    sales = {
        make_sale(shop, adopt=False, settled=False): "unsettled",
        make_sale(shop, adopt=False): "settled",
        make_sale(shop, adopt=False, voided_at=at): "voided",
        make_sale(shop, adopt=False, disputed_at=at): "disputed",
        make_sale(shop, amount="20.00", adopt=False, refunded=500): "part refunded",
        make_sale(shop, amount="20.00", adopt=False, refunded=2000): "refunded",
    }

    listed = {row["id"]: row["standing"] for row in shop("txn list --kind sale -o json").json}

    assert listed == sales


def test_the_queue_lists_what_is_open_unless_asked_for_more(shop: Shop) -> None:
    queued, under_way, gone = (make_queue_item(shop, state) for state in ("queued", "in_progress", "exhausted"))

    assert listed(shop, "queue list") == [under_way, queued]
    assert listed(shop, "queue list --state exhausted") == [gone]
    assert listed(shop, "queue list --state any") == [gone, under_way, queued]


def test_an_item_of_the_queue_shows_the_failure_and_every_retry(shop: Shop) -> None:
    item = make_queue_item(shop, attempts=1)
    shown = shop(f"queue show {item} -o json").json
    retry = make_transaction(
        shop,
        "refund",
        "failed",
        order=shown["order_id"],
        parent=shown["transaction_id"],
        queue_item_id=1,
        attempt_on="2026-03-01",
        reason="unreachable",
    )

    history = shop(f"queue show {item} -o json").json["history"]

    assert [(row["state"], row["reason"]) for row in history] == [("declined", "declined"), ("failed", "unreachable")]
    assert (history[1]["transaction_id"], history[1]["day"]) == (retry, "2026-03-01")


def test_the_queues_sums_are_by_state_and_currency(shop: Shop) -> None:
    make_queue_item(shop, amount="10.00")
    make_queue_item(shop, amount="5.50", next_attempt_on=None)
    make_queue_item(shop, amount="500", currency="JPY")
    make_queue_item(shop, "exhausted", amount="1.00")

    rows = shop("queue stats -o json").json

    assert [(row["state"], row["currency"], row["items"], row["amount"], row["due_today"]) for row in rows] == [
        ("queued", "JPY", 1, "500", 1),
        ("queued", "USD", 2, "15.50", 1),
        ("exhausted", "USD", 1, "1.00", 0),
    ]
    assert rows[0]["oldest"] == "2026-03-01T09:00:00Z"


@pytest.mark.parametrize("command", ["order show ord_9", "txn show txn_9", "queue show rfq_9"])
def test_what_is_not_there_is_not_found(shop: Shop, command: str) -> None:
    done = shop(f"{command} -o json")

    assert (done.code, done.out) == (4, "")
    assert done.error["fix"].startswith("csctl ")


@pytest.mark.parametrize(
    "command", ["order list", "txn list", "queue list", "queue stats", "order search --name nobody"]
)
def test_nothing_found_is_an_empty_list(shop: Shop, command: str) -> None:
    done = shop(f"{command} -o json")

    assert (done.code, done.json) == (0, [])


@pytest.mark.parametrize("words", ["order list --since soon", "txn list --until 2026-13-01", "order list --since 9999"])
def test_a_time_that_is_none_is_a_usage_error(shop: Shop, words: str) -> None:
    assert shop(words).code == 2


def test_the_last_day_of_all_is_too_far_away(shop: Shop) -> None:
    assert shop("order list --until 9999-12-31").code == 2


@on_sqlite
def test_tables_fit_a_terminal_of_80_columns_with_every_id_whole(shop: Shop) -> None:
    make_sale(shop, "1234.56", adopt=False)
    make_queue_item(shop, amount="1234.56")

    for words in ("order list", "txn list", "queue list", "customer search doe"):
        child = shop.terminal(f"{words} --color never")
        child.expect(pexpect.EOF)
        lines = child.before.replace("\r", "").splitlines()
        assert max(len(line) for line in lines) <= 80
        assert all(id in child.before for id in listed(shop, words))
