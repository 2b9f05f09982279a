"""The profile of a customer, as `customer show` shows it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pexpect
from wcwidth import wcswidth

from csctl.domain.addresses import Address
from csctl.domain.states import ItemState, Kind, OrderStatus, PurchaseStatus, Settlement, State
from csctl.models import Order, Purchase, QueueItem, Transaction
from tests.factories import (
    make_customer,
    make_fulfillment,
    make_order,
    make_payment_method,
    make_price,
    make_purchase,
    make_sale,
    make_transaction,
    number,
)
from tests.selection import on_sqlite
from tests.shops import Shop
from tests.views.queries import queries_of
from tests.views.records import make_entry, make_event, make_queue_item


def make_many_orders(shop: Shop, customer: str, count: int, *, queued: bool = False) -> None:
    """Orders with a purchase and a settled sale each, of which a part was refunded, and another is `queued`."""
    with shop.session() as session:
        for day in range(count):
            placed = shop.moment - timedelta(days=day + 1)
            money: dict[str, Any] = {"currency": "USD", "created_at": placed}
            order = Order(
                customer_id=number(customer),
                status=OrderStatus.COMPLETE,
                currency="USD",
                total=1000,
                placed_at=placed,
            )
            session.add(order)
            session.flush()
            thing: dict[str, Any] = {"description": "A thing", "quantity": 1, "unit_price": 1000, "price": 1000}
            session.add(Purchase(order_id=order.id, status=PurchaseStatus.COMPLETE, **thing, **money))
            sale = Transaction(
                order_id=order.id,
                kind=Kind.SALE,
                state=State.APPROVED,
                amount=1000,
                gateway="main",
                settlement=Settlement.SETTLED,
                refunded=250,
                reserved=500 if queued else 0,
                **money,
            )
            session.add(sale)
            if queued:
                session.flush()
                session.add(_queued(sale, number(customer)))


def _queued(sale: Transaction, customer: int) -> QueueItem:
    owed: dict[str, Any] = {"amount": 500, "currency": "USD", "state": ItemState.QUEUED, "created_at": sale.created_at}
    return QueueItem(sale_id=sale.id, origin_id=sale.id, order_id=sale.order_id, customer_id=customer, **owed)


def test_the_profile_holds_all_that_is_known(shop: Shop) -> None:
    jane = make_customer(shop, external_id="C-1", ip="203.0.113.7")
    method = make_payment_method(shop, jane)
    order = make_order(shop, jane, total="40.00")
    price = make_price(shop, "coffee-m", "20.00", sku="coffee", interval="month")
    purchase = make_purchase(shop, order, "20.00", 2, price=price, status="active", next_bill_on="2026-04-01")
    sale = make_sale(shop, "40.00", order=order, payment_method=method, adopt=False, refunded=500)
    refund = make_transaction(shop, "refund", "approved", "5.00", order=order, parent=sale)
    shipment = make_fulfillment(shop, order, "shipped")
    make_event(shop, jane, "5.00 USD refunded")
    make_entry(shop, "ip", "203.0.113.0/24")

    profile = shop(f"customer show {jane} -o json").json

    assert profile["blacklisted"] is True
    assert profile["blacklist"] == [{"id": "bli_1", "kind": "ip", "value": "203.0.113.0/24", "reason": "chargebacks"}]
    keys = ["line1", "line2", "city", "region", "postal_code", "country"]
    assert list(profile["billing"]) == list(profile["shipping"]) == keys
    assert [card["id"] for card in profile["payment_methods"]] == [method]
    assert [(o["id"], o["total"], o["refunded"]) for o in profile["orders"]] == [(order, "40.00", "5.00")]
    (line,) = profile["purchases"]
    assert (line["id"], line["product"], line["price_point"]) == (purchase, "Product coffee", "coffee-m")
    assert (line["quantity"], line["unit_price"], line["price"]) == (2, "20.00", "40.00")
    assert [txn["id"] for txn in profile["transactions"]] == [refund, sale]
    assert profile["transactions"][1]["refundable"] == "35.00"
    assert profile["transactions"][0]["refundable"] is None
    assert [one["id"] for one in profile["fulfillments"]] == [shipment]
    assert [entry["text"] for entry in profile["history"]] == ["5.00 USD refunded"]
    assert profile["queue"] == []


def test_a_gateways_token_is_not_shown(shop: Shop) -> None:
    jane = make_customer(shop)
    make_payment_method(shop, jane, token="tok_secret_31")

    assert "tok_secret_31" not in shop(f"customer show {jane} -o json").out


def test_a_customer_is_named_by_an_email_too(shop: Shop) -> None:
    jane = make_customer(shop, email="Jane@Example.com")

    assert shop("customer show jane@example.com -o json").json["id"] == jane
    assert shop("customer show jane@example.org").code == 4
    assert shop("customer show 99").code == 4
    assert shop("customer show ord_1").code == 2


def test_an_email_of_several_customers_is_a_conflict_that_names_them(shop: Shop) -> None:
    twins = [make_customer(shop, email="doe@example.com") for _ in range(2)]

    done = shop("customer show doe@example.com -o json")

    assert (done.code, done.out) == (5, "")
    assert all(twin in done.error["cause"] for twin in twins)


def test_500_orders_take_as_many_queries_as_one(shop: Shop) -> None:
    jane, john = make_customer(shop), make_customer(shop)
    make_many_orders(shop, jane, 1, queued=True)
    make_many_orders(shop, john, 500, queued=True)

    assert queries_of(shop, f"customer show {john} -o json") == queries_of(shop, f"customer show {jane} -o json")
    profile = shop(f"customer show {john} -o json").json
    assert (len(profile["transactions"]), len(profile["queue"])) == (500, 500)


@on_sqlite
def test_a_look_at_a_record_sends_few_statements(shop: Shop) -> None:
    make_many_orders(shop, make_customer(shop), 2, queued=True)

    # 7 of each come first: BEGIN three times, the migration in a savepoint, then settings and operator in one.
    sent = {words: queries_of(shop, words) for words in ("customer show cus_1", "order show ord_1", "txn list")}

    assert sent == {"customer show cus_1": 21, "order show ord_1": 14, "txn list": 9}


def test_a_long_profile_shows_the_last_20_and_says_how_to_see_the_rest(shop: Shop) -> None:
    jane = make_customer(shop)
    make_many_orders(shop, jane, 25)
    for day in range(30):
        make_event(shop, jane, f"event {day}")

    shown = shop(f"customer show {jane}").out

    assert shown.count("A thing") == 20
    assert f"… and 5 more: csctl order list --customer {jane} --all" in shown
    assert "event 29" in shown
    assert "event 9\n" not in shown
    assert f"… and 10 more: csctl customer history {jane} --all" in shown
    assert len(shop(f"customer history {jane} --all -o name --fields at").out.splitlines()) == 30


def test_the_profile_stands_in_the_order_of_the_web_profile(shop: Shop) -> None:
    item = make_queue_item(shop)
    jane = shop(f"queue show {item} -o json").json["customer_id"]
    make_event(shop, jane, "moved to Springfield")
    make_fulfillment(shop, shop(f"queue show {item} -o json").json["order_id"])
    make_entry(shop, "customer", jane)

    shown = shop(f"customer show {jane}").out

    landmarks = ["Jane Doe", "BLACKLISTED", "Email", "ADDRESS", "PAYMENT METHODS", "HISTORY", "moved", "ORDERS"]
    landmarks += ["pur_1", "txn_1", "ful_1", "REFUND QUEUE", item]
    place = 0
    for mark in landmarks:  # what is open stands above all of it, and names some of them, too
        place = shown.find(mark, place)
        assert place >= 0, mark


def test_no_line_is_wider_than_the_terminal_whatever_the_data(shop: Shop) -> None:
    jane = make_customer(
        shop,
        first_name="山田" * 15,
        last_name="w" * 90,
        billing=Address("一" * 50, "x" * 200, "Springfield", "IL", "1", "US"),
    )
    make_event(shop, jane, "word " * 60 + "\n" + "字" * 90)
    order = make_order(shop, jane)
    make_purchase(shop, order, description="a very long name of a product " * 5)
    make_transaction(shop, "sale", "declined", "1234567890.12", order=order, message="do not honour " * 9)

    child: pexpect.spawn[Any] = shop.terminal(f"customer show {jane}")
    child.expect(pexpect.EOF)

    lines = child.before.replace("\r", "").split("\n")
    assert len(lines) > 20
    assert max(wcswidth(line) for line in lines) <= 80


def test_what_a_terminal_would_act_on_is_shown_as_what_it_is(shop: Shop) -> None:
    evil = "x\x1b[31mred\u202egnp\u200b\r\n\x07"
    jane = make_customer(shop, first_name=evil, last_name=evil, email=evil, billing=Address(evil, city=evil))
    make_payment_method(shop, jane, brand=evil)
    order = make_order(shop, jane)
    make_purchase(shop, order, description=evil)
    make_transaction(shop, "sale", "declined", order=order, message=evil, gateway_ref=evil)
    make_event(shop, jane, evil)

    shown = [
        shop(words).out
        for words in (f"customer show {jane}", f"order show {order}", "txn show 1", f"customer history {jane}")
    ]

    for text in shown:
        assert "\\x1b[31mred\\u202e" in text
        assert not set(text) & set("\x1b\u202e\u200b\r\x07")


def test_times_are_the_shops(shop: Shop) -> None:
    shop("setting set timezone Europe/Berlin")
    order = make_order(shop, placed_at="2026-01-31T23:30:00Z")

    assert "2026-02-01 00:30 +01:00" in shop(f"order show {order}").out
    assert shop(f"order show {order} -o json").json["placed_at"] == "2026-01-31T23:30:00Z"


def test_what_is_open_stands_at_the_top_of_the_profile(shop: Shop) -> None:
    shop("setting set agent-refund-limit '50 USD'")
    jane = make_customer(shop)
    price = make_price(shop, amount="12.00", interval="month")
    make_purchase(shop, make_order(shop, jane), price=price, status="active", next_bill_on="2026-04-01")
    queued = make_sale(shop, "10.00", token="tok_refund_declined", customer=jane)
    disputed = make_sale(shop, "20.00", customer=jane)
    big = make_sale(shop, "80.00", customer=jane)
    unknown = make_sale(shop, "30.00", token="tok_timeout_lost", customer=jane)
    shop(f"txn refund {queued} --yes")
    shop(f"txn dispute {disputed}")
    shop(f"txn refund {big} --request-approval --reason damaged --yes", as_="agent")
    assert shop(f"txn refund {unknown} --yes").code == 9

    page = shop(f"customer show {jane}", as_="agent").out
    top = page.partition("BILLING")[0]

    assert "OPEN" in top
    assert [word for word in ("rfq_1", disputed, "apr_1", "refund unknown", "2026-04-01") if word not in top] == []
    assert "csctl txn reconcile" in top
    assert shop(f"customer show {jane} -o json").json["approvals"][0]["id"] == "apr_1"


def test_without_open_records_there_is_no_heading(shop: Shop) -> None:
    assert "OPEN" not in shop(f"customer show {make_customer(shop)}").out


def test_pages_and_the_question_before_a_refund_name_the_customer(shop: Shop) -> None:
    jane = make_customer(shop, first_name="Jane", last_name="Roe", email="jane.roe@example.com")
    sale = make_sale(shop, customer=jane)

    for words in (f"txn show {sale}", "order show ord_1", "purchase show pur_1"):
        assert f"{jane}  Jane Roe  <jane.roe@example.com>" in shop(words).out, words
    terminal = shop.terminal(f"txn refund {sale}")
    terminal.expect("Jane Roe <jane.roe@example.com>")
    terminal.expect("Continue")
    terminal.sendline("n")
