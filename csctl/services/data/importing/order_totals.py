"""The total of an imported order: what was due at its checkout."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from csctl.domain.states import SALES, State
from csctl.models import Order, Purchase, Transaction
from csctl.services.data.importing.references import KnownOrder


def renew(session: Session, orders: Mapping[int, KnownOrder]) -> None:
    """Set the totals of these orders: the first approved sale, else what the purchases cost.

    Those that csctl made know theirs from their checkout.
    """
    imported = {number for number, order in orders.items() if order.external_id is not None}
    if not imported:
        return
    session.flush()
    costs = (
        select(Purchase.order_id, func.sum(Purchase.checkout_amount))
        .where(Purchase.order_id.in_(imported))
        .group_by(Purchase.order_id)
    )
    # SQLite is given no choice of index: asked for the first of each order, it walked all approved sales there are.
    sales = select(Transaction.order_id, Transaction.amount, Transaction.state).where(
        Transaction.order_id.in_(imported), Transaction.kind.in_(SALES)
    )
    newest_first = sales.order_by(Transaction.created_at.desc(), Transaction.id.desc())
    totals = {**dict.fromkeys(imported, 0), **{number: int(cost) for number, cost in session.execute(costs)}}
    taken = session.execute(newest_first)
    totals |= {number: amount for number, amount, state in taken if state is State.APPROVED}
    session.execute(update(Order), [{"id": number, "total": total} for number, total in totals.items()])
