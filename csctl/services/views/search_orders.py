"""What is known of an order as search fields."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import ColumnElement, Select, or_, select

from csctl.domain.states import OrderStatus, PurchaseStatus
from csctl.models import Fulfillment, Order, Purchase, Transaction
from csctl.services.views.search_narrowing import Criterion, has_row, unindexed

Condition = ColumnElement[bool]


def criteria(
    order_id: Sequence[int],
    transaction_id: Sequence[int],
    gateway_ref: Sequence[str],
    tracking: Sequence[str],
    status: Sequence[str],
) -> Iterator[Criterion]:
    """For each field that is given: any of its values. The ids are those of orders."""
    if order_id:
        yield _exactly(select(Order.id).where(Order.id.in_(order_id)))
    if transaction_id:
        yield _exactly(select(Transaction.order_id).where(Transaction.id.in_(transaction_id)))
    if gateway_ref:
        yield _exactly(select(Transaction.order_id).where(Transaction.gateway_ref.in_(gateway_ref)))
    if tracking:
        yield _exactly(select(Fulfillment.order_id).where(Fulfillment.tracking.in_(tracking)))
    if status:
        yield _status(status)


def _exactly(orders: Select[int]) -> Criterion:
    """What few orders have: they are found at once."""
    found = Order.id.in_(orders)
    return Criterion(found, (select(Order.id).where(found),))


def _status(wanted: Sequence[str]) -> Criterion:
    """A word may be the status of an order, of a purchase, or of both."""
    of_orders = [OrderStatus(word) for word in wanted if word in set(OrderStatus)]
    of_purchases = [PurchaseStatus(word) for word in wanted if word in set(PurchaseStatus)]
    either: list[Condition] = []
    ids: list[Select[int]] = []
    if of_orders:
        # By itself, an index has the orders of a status in their order.
        either.append((unindexed(Order.status) if of_purchases else Order.status).in_(of_orders))
        ids.append(select(Order.id).where(Order.status.in_(of_orders)).order_by(Order.status))
    if of_purchases:
        either.append(has_row(Purchase.order_id == Order.id, unindexed(Purchase.status).in_(of_purchases)))
        ids.append(
            select(Order.id)
            .join(Purchase, Purchase.order_id == Order.id)
            .where(Purchase.status.in_(of_purchases))
            .order_by(Purchase.status)
        )
    return Criterion(or_(*either), tuple(ids), common=True)
