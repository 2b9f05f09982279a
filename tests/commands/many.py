"""Many sales for bulk tests, and a pipe without a reader."""

from __future__ import annotations

import itertools
import os
from datetime import timedelta

from csctl.domain import ids
from csctl.domain.addresses import Address
from csctl.domain.states import Kind, OrderStatus, Settlement, State
from csctl.models import Order, PaymentMethod, Transaction
from tests.factories import make_customer, make_payment_method, number
from tests.shops import Shop

_AT_ONCE = 10_000
_count = itertools.count(1)


def make_sales(
    shop: Shop, how_many: int, amount: int = 1999, currency: str = "USD", token: str = "tok_ok"
) -> list[str]:
    """Settled sales of one customer, each with its own order, not yet known to the sandbox."""
    customer = make_customer(shop)
    method = make_payment_method(shop, customer, token)
    made: list[str] = []
    for start in range(0, how_many, _AT_ONCE):
        made += _make(shop, min(_AT_ONCE, how_many - start), amount, currency, number(customer), number(method))
    return made


def _make(shop: Shop, how_many: int, amount: int, currency: str, customer: int, method: int) -> list[str]:
    placed = shop.moment - timedelta(days=2)
    with shop.session() as session:
        card = session.get_one(PaymentMethod, method)
        orders = [
            Order(
                customer_id=customer,
                status=OrderStatus.COMPLETE,
                currency=currency,
                total=amount,
                billing=Address(),
                shipping=Address(),
                placed_at=placed,
            )
            for _ in range(how_many)
        ]
        session.add_all(orders)
        session.flush()
        sales = [
            Transaction(
                order_id=order.id,
                payment_method_id=card.id,
                kind=Kind.SALE,
                state=State.APPROVED,
                amount=amount,
                currency=currency,
                gateway="main",
                gateway_ref=f"bulk_{next(_count)}",
                settlement=Settlement.SETTLED,
                settled_at=placed + timedelta(days=1),
                created_at=placed,
                finished_at=placed,
            )
            for order in orders
        ]
        session.add_all(sales)
        session.flush()
        return [ids.show("txn", sale.id) for sale in sales]


def full_pipe() -> tuple[int, int]:
    """Both ends of a full pipe."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    try:
        while True:
            os.write(writer, b"x" * 4096)
    except BlockingIOError:
        os.set_blocking(writer, True)
    return reader, writer
