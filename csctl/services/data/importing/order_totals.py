"""What an imported order comes to: what was due at its checkout."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from csctl.domain.states import SALES, State
from csctl.models import Order, Purchase, Transaction


def renew(session: Session, orders: Mapping[int, Order]) -> None:
    """Set the totals of these orders: the first approved sale, else what the purchases cost.

    Those that csctl made know theirs from their checkout.
    """
    imported = {number for number, order in orders.items() if order.external_id is not None}
    if not imported:
        return
    session.flush()
    first = (
        select(Transaction.amount)
        .where(
            Transaction.order_id == Order.id,
            Transaction.kind.in_(SALES),
            Transaction.state == State.APPROVED,
        )
        .order_by(Transaction.created_at, Transaction.id)
        .limit(1)
        .scalar_subquery()
    )
    cost = select(func.sum(Purchase.price)).where(Purchase.order_id == Order.id).scalar_subquery()
    for number, total in session.execute(select(Order.id, func.coalesce(first, cost, 0)).where(Order.id.in_(imported))):
        orders[number].total = int(total)
