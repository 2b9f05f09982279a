"""Chargebacks: what a bank takes back by itself. While a sale is disputed, nothing is refunded and nothing forced."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.orm import Session

from csctl.domain import ids
from csctl.domain.ids import Ref
from csctl.domain.outcomes import Outcome
from csctl.errors import Conflict
from csctl.models import Order, Transaction
from csctl.results import Result
from csctl.services.shared import audit, bulk, history

if TYPE_CHECKING:
    from csctl.app import App


def mark(
    app: App, refs: Iterable[Ref], *, revert: bool, dry_run: bool = False, fail_fast: bool = False
) -> Iterator[Result]:
    """Mark sales as disputed or, with `revert`, as disputed no longer."""

    def change(session: Session, ref: Ref) -> Result:
        sale = _locked(session, ref.id)
        name = ids.show("txn", sale.id)
        _refuse(name, sale, revert=revert)
        sale.disputed_at = None if revert else app.clock.now()
        words = "no longer disputed" if revert else "disputed"
        history.event(
            session, app, sale.order.customer_id, f"{name} is {words}", order_id=sale.order_id, transaction_id=sale.id
        )
        audit.write(
            session, app, Outcome.UPDATED, target=name, before={"disputed": revert}, after={"disputed": not revert}
        )
        return Result(ref.given, Outcome.UPDATED, words, extra={"disputed": not revert})

    return bulk.each(app, refs, change, dry_run=dry_run, fail_fast=fail_fast)


def _locked(session: Session, number: int) -> Transaction:
    """The transaction, held together with its order. Raises NotFound."""
    order_id = session.scalar(select(Transaction.order_id).where(Transaction.id == number))
    if order_id is not None:
        bulk.locked(session, Order, "ord", order_id)
    return bulk.locked(session, Transaction, "txn", number)


def _refuse(name: str, sale: Transaction, *, revert: bool) -> None:
    if not sale.is_sale or sale.voided_at:
        what = "it is voided" if sale.voided_at else f"it is a {sale.kind.value}, {sale.state.value}"
        raise Conflict(f"{name} cannot be disputed", cause=f"only an approved sale can be; {what}")
    if revert and sale.disputed_at is None:
        raise Conflict(f"{name} is not disputed", fix=f"csctl txn show {name}")
    if not revert and sale.disputed_at is not None:
        raise Conflict(
            f"{name} is disputed already",
            cause=f"since {sale.disputed_at:%Y-%m-%d}",
            fix=f"csctl txn dispute {name} --revert, once it is won",
        )
