"""Correct the totals of sales that differ from their refunds (`db repair`)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.orm import Session

from csctl.domain import ids
from csctl.domain.ids import Ref
from csctl.domain.money import to_decimal
from csctl.domain.outcomes import Outcome
from csctl.errors import Conflict
from csctl.models import Order, Transaction
from csctl.results import Result
from csctl.services.health import consistency
from csctl.services.outcomes import orders
from csctl.services.shared import audit, bulk, history

if TYPE_CHECKING:
    from csctl.app import App


def totals(app: App, *, dry_run: bool) -> Iterator[Result]:
    """Set the totals of each sale that `db check` names to what its refunds and queue items add up to.

    The refunds are what happened at the gateway; a total only counts them. Nothing is sent.
    """
    with app.read() as session:
        found = [row.id for row in session.execute(consistency.wrong_totals())]
    refs = [Ref(ids.show("txn", number), number) for number in found]
    return bulk.each(app, refs, lambda session, ref: _correct(session, app, ref), dry_run=dry_run)


def _correct(session: Session, app: App, ref: Ref) -> Result:
    order = bulk.locked(session, Order, "ord", session.get_one(Transaction, ref.id).order_id)
    sale = bulk.locked(session, Transaction, "txn", ref.id)
    row = session.execute(consistency.wrong_totals().where(Transaction.id == ref.id)).first()
    if row is None:
        return Result(ref.given, Outcome.SKIPPED, "its totals are correct")
    fits = min(row.is_refunded, sale.amount - row.is_reserved)
    if fits < 0 or (sale.voided_at and row.is_refunded + row.is_reserved):
        raise Conflict(
            f"the totals of {ref.given} cannot be corrected",
            cause="it is voided, and money was returned" if sale.voided_at else "more is reserved than was paid",
            fix=f"compare it with the gateway: csctl txn show {ref.given}",
        )
    before = _shown(sale)
    sale.reserved, sale.refunded, sale.over_returned = row.is_reserved, fits, row.is_refunded - fits
    orders.note_money(order)
    charges = session.scalars(select(Transaction).where(Transaction.order_id == order.id)).all()
    orders.note_if_all_returned(order, charges)
    said = f"totals corrected: {before} before, {_shown(sale)} now"
    history.event(session, app, order.customer_id, f"{ref.given}: {said}", order_id=order.id, transaction_id=sale.id)
    audit.write(session, app, Outcome.UPDATED, target=ref.given, before=before, after=_shown(sale))
    return Result(ref.given, Outcome.UPDATED, said)


def _shown(sale: Transaction) -> str:
    amounts = {"refunded": sale.refunded, "reserved": sale.reserved, "over_returned": sale.over_returned}
    return ", ".join(f"{name} {to_decimal(amount, sale.currency)}" for name, amount in amounts.items())
