"""What the money of an order that was returned, or came back, means for its status."""

from __future__ import annotations

from collections.abc import Iterable

from csctl.domain.states import OrderStatus
from csctl.models import Order, Transaction


def note_if_all_returned(order: Order, sales: Iterable[Transaction]) -> None:
    """An order is `refunded` once all its money is returned. `sales` are all of its sales."""
    taken = [sale for sale in sales if sale.is_sale]
    if taken and all(sale.voided_at or sale.refunded == sale.amount for sale in taken):
        order.status = OrderStatus.REFUNDED


def note_money(order: Order) -> None:
    """Some of its money is not returned, or not any more."""
    if order.status is OrderStatus.REFUNDED:
        order.status = OrderStatus.CANCELLED if order.cancelled_at else OrderStatus.COMPLETE
