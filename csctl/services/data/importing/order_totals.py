"""The total of an imported order: what was due at its checkout."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from csctl.domain.states import SALES, State
from csctl.models import Order, Purchase, Transaction
from csctl.services.data.importing.references import KnownOrder
from csctl.services.shared.chunks import among

# PostgreSQL prepares all checks of the table again for each statement.
_TOGETHER = text(
    "UPDATE orders SET total = given.total FROM unnest(CAST(:numbers AS bigint[]), CAST(:totals AS bigint[]))"
    " AS given (id, total) WHERE orders.id = given.id AND orders.total <> given.total"
)


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
        .where(among(session, Purchase.order_id, imported))
        .group_by(Purchase.order_id)
    )
    # SQLite is given no choice of index: asked for the first of each order, it walked all approved sales there are.
    sales = select(Transaction.order_id, Transaction.amount, Transaction.state).where(
        among(session, Transaction.order_id, imported), Transaction.kind.in_(SALES)
    )
    newest_first = sales.order_by(Transaction.created_at.desc(), Transaction.id.desc())
    totals = {**dict.fromkeys(imported, 0), **{number: int(cost) for number, cost in session.execute(costs)}}
    taken = session.execute(newest_first)
    totals |= {number: amount for number, amount, state in taken if state is State.APPROVED}
    if session.get_bind().dialect.name == "sqlite":
        session.execute(update(Order), [{"id": number, "total": total} for number, total in totals.items()])
    else:
        session.execute(_TOGETHER, {"numbers": list(totals), "totals": list(totals.values())})
