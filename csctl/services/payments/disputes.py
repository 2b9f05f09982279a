"""Chargebacks: money that a bank returns by itself (domain rules, sections 4 and 5).

While a sale is disputed nothing of it is refunded, and what it paid for is not billed again. A lost dispute is recorded
as an outside refund, and its purchases are not billed until billing is resumed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.orm import Session

from csctl.domain import ids
from csctl.domain.ids import Ref
from csctl.domain.money import Money, to_minor
from csctl.domain.outcomes import Outcome
from csctl.domain.refund_queue import Operation
from csctl.domain.states import OPEN_ITEMS, ItemState, Outside
from csctl.errors import Conflict, Usage
from csctl.models import Order, QueueItem, Transaction
from csctl.results import Result
from csctl.services.outcomes import cancellation as cancelling
from csctl.services.outcomes import refund as queue_rules
from csctl.services.payments import outside
from csctl.services.shared import audit, bulk, duplicates, history

if TYPE_CHECKING:
    from csctl.app import App

_LOST = "the dispute was lost, and the amount is not left any more"


@dataclass(frozen=True)
class Change:
    """The change of a sale's dispute. Without a flag, the sale is marked as disputed.

    `amount` is a decimal string: how much the bank returned, if not all that remains.
    """

    revert: bool = False
    lost: bool = False
    amount: str | None = None
    cancel: bool = False
    resume_billing: bool = False

    def __post_init__(self) -> None:
        if self.revert and self.lost:
            raise Usage("--revert and --lost exclude each other", fix="give one of them")
        if self.amount is not None and not self.lost:
            raise Usage("--amount needs --lost", cause="it is what the bank took back", fix="--lost --amount 19.99")
        if self.cancel and self.resume_billing:
            raise Usage("--cancel and --resume-billing exclude each other", fix="give one of them")


def change(
    app: App, refs: Iterable[Ref], wanted: Change, *, dry_run: bool = False, fail_fast: bool = False
) -> Iterator[Result]:
    """Mark sales as disputed, or end their disputes as `wanted` says. Each Result says whether the sale is disputed."""

    def one(session: Session, ref: Ref) -> Result:
        sale = _locked(session, ref.id)
        before = _standing(sale)
        said = list(_carry_out(session, app, sale, wanted))
        name, words = ids.show("txn", sale.id), ", ".join(said)
        history.event(
            session, app, sale.order.customer_id, f"{name} {words}", order_id=sale.order_id, transaction_id=sale.id
        )
        audit.write(session, app, Outcome.UPDATED, target=name, before=before, after=_standing(sale))
        return Result(ref.given, Outcome.UPDATED, words, extra={"disputed": sale.disputed_at is not None})

    return bulk.each(app, refs, one, dry_run=dry_run, fail_fast=fail_fast)


def _standing(sale: Transaction) -> Mapping[str, object]:
    blocked = {"billing_blocked": True} if sale.billing_blocked_at else {}
    return {"disputed": sale.disputed_at is not None, **blocked}


def _carry_out(session: Session, app: App, sale: Transaction, wanted: Change) -> Iterator[str]:
    """Make the change in the required order, and return its words."""
    duplicates.refuse(session, sale)
    _refuse_unless_sale(sale)
    if wanted.revert:
        _refuse_unless_disputed(sale)
        sale.disputed_at = None
        yield "is no longer disputed"
    elif wanted.lost:
        yield from _lose(session, app, sale, wanted.amount)
    elif not (wanted.resume_billing or (wanted.cancel and sale.disputed_at)):
        _mark(app, sale)
        yield "is disputed"
    if wanted.resume_billing:
        if not (sale.billing_blocked_at or wanted.revert):
            name = ids.show("txn", sale.id)
            raise Conflict(
                f"{name} does not keep anything from being billed",
                cause="it is disputed" if sale.disputed_at else "no dispute of it was lost",
                fix=f"csctl txn show {name}",
            )
        sale.billing_blocked_at = None
        yield "keeps nothing from being billed any more"
    if wanted.cancel:
        yield from _cancel(session, app, sale)


def _mark(app: App, sale: Transaction) -> None:
    name = ids.show("txn", sale.id)
    if sale.disputed_at is not None:
        raise Conflict(
            f"{name} is disputed already",
            cause=f"since {sale.disputed_at:%Y-%m-%d}",
            fix=f"csctl txn dispute {name} --revert, once it is won",
        )
    sale.disputed_at = app.clock.now()


def _lose(session: Session, app: App, sale: Transaction, amount: str | None) -> Iterator[str]:
    """Record the money as returned by the bank, and remove queued refunds that no longer fit."""
    most = sale.amount - sale.refunded
    lost = most if amount is None else to_minor(amount, sale.currency)
    name = ids.show("txn", sale.id)
    if lost <= 0 and amount is not None:
        raise Usage(f"a chargeback of {amount} is not possible", fix="give an amount above zero")
    if sale.billing_blocked_at and sale.disputed_at is None:
        raise Conflict(
            f"{name} has lost its dispute already",
            cause=f"{Money(sale.refunded, sale.currency)} of {Money(sale.amount, sale.currency)} is returned",
            fix=f"csctl txn show {name}",
        )
    if lost > most or most == 0:
        raise Conflict(
            f"{Money(lost, sale.currency)} is more than the remaining amount of {name}",
            cause=f"{Money(sale.refunded, sale.currency)} of {Money(sale.amount, sale.currency)} is returned already",
            fix=f"csctl txn dispute {name} --lost --amount AMOUNT, or --revert if the bank took nothing",
        )
    removed = _make_room(session, app, sale, lost)
    sale.disputed_at, sale.billing_blocked_at = None, app.clock.now()
    outside.book(session, app, sale, lost, Outside.CHARGEBACK, None, send_email=False)
    yield f"lost its dispute: {Money(lost, sale.currency)} were taken back by the bank"
    if removed:
        yield f"removed {', '.join(removed)} from the queue"


def _make_room(session: Session, app: App, sale: Transaction, lost: int) -> list[str]:
    """Remove the newest queued refunds of a sale until `lost` fits beside the reserved amount. Returns their ids.

    Raises Conflict if reserved amounts are under way: the gateway may be paying at this moment.
    """
    items = select(QueueItem).where(QueueItem.sale_id == sale.id, QueueItem.state.in_(OPEN_ITEMS))
    removed: list[str] = []
    for item in session.scalars(items.order_by(QueueItem.id.desc()).with_for_update()):
        if sale.refunded + sale.reserved + lost <= sale.amount:
            break
        if item.state is not ItemState.QUEUED:
            continue
        queue_rules.close(item, Operation.REMOVE, app.clock.now())
        item.close_reason = _LOST
        sale.reserved -= item.amount
        removed.append(ids.show("rfq", item.id))
    if sale.refunded + sale.reserved + lost > sale.amount:
        raise Conflict(
            f"{Money(sale.reserved, sale.currency)} of {ids.show('txn', sale.id)} is being refunded",
            cause="its outcome decides how much the chargeback can be",
            fix="csctl txn reconcile, then run it again",
        )
    return removed


def _cancel(session: Session, app: App, sale: Transaction) -> Iterator[str]:
    """Cancel the purchases or the order that the sale paid for."""
    for purchase in sale.order.purchases:
        covered = sale.purchase_id in (None, purchase.id)
        if covered and cancelling.cancel_purchase(session, app, purchase, "disputed"):
            yield f"cancelled {ids.show('pur', purchase.id)}"


def _locked(session: Session, number: int) -> Transaction:
    """The transaction, locked together with its order. Raises NotFound."""
    order_id = session.scalar(select(Transaction.order_id).where(Transaction.id == number))
    if order_id is not None:
        bulk.locked(session, Order, "ord", order_id)
    return bulk.locked(session, Transaction, "txn", number)


def _refuse_unless_sale(sale: Transaction) -> None:
    if not sale.is_sale or sale.voided_at:
        what = "it is voided" if sale.voided_at else f"it is a {sale.kind.value}, {sale.state.value}"
        raise Conflict(f"{ids.show('txn', sale.id)} cannot be disputed", cause=f"only an approved sale can be; {what}")


def _refuse_unless_disputed(sale: Transaction) -> None:
    if sale.disputed_at is None:
        name = ids.show("txn", sale.id)
        raise Conflict(f"{name} is not disputed", fix=f"csctl txn show {name}")
