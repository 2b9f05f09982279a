"""Changes at a gateway that csctl did not make: voids, refunds and disputes (domain rules, sections 2 and 4).

The rows of the sale's order are locked. Nothing is recorded while an attempt on the sale is open: what the gateway has
returned may be that attempt.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, func, or_, select

from csctl.domain import ids
from csctl.domain.comparison import Entry
from csctl.domain.money import Money
from csctl.domain.outcomes import Outcome
from csctl.domain.reasons import Reason
from csctl.domain.refund_queue import Operation
from csctl.domain.states import OPEN_STATES, ItemState, Kind, Outside, State
from csctl.gateways.cleaning import clean, identifier, is_reference
from csctl.gateways.operations import Dispute, DisputeState, Found
from csctl.models import QueueItem, Transaction
from csctl.results import Result
from csctl.services.outcomes import orders
from csctl.services.outcomes import refund as queue_rules
from csctl.services.payments import outside
from csctl.services.payments.jobs import Turn
from csctl.services.payments.outside import Undone
from csctl.services.shared import audit, history

if TYPE_CHECKING:
    from csctl.app import App

_FITS_NO_MORE = "the money was returned at the gateway"


def learn(turn: Turn, app: App, sale: Transaction, found: Found) -> None:
    """Update a sale with the records of its gateway."""
    _learn_void(turn, app, sale, found)
    if not sale.is_sale or sale.voided_at:
        return
    if found.dispute:
        _learn_dispute(turn, app, sale, found.dispute)
    missing = _missing(turn, app, sale, found)
    if missing > 0 and not is_busy(turn, sale):
        _learn_refund(turn, app, sale, missing)


def exceeds(turn: Turn, app: App, sale: Transaction, found: Found) -> bool:
    """Whether refunds that were learned without a reference are in the books, and the gateway has returned less in all.

    A refund that the gateway may not show yet is waited for.
    """
    if not sale.refunded or _missing(turn, app, sale, found) >= 0 or is_busy(turn, sale) or not _unnamed(turn, sale):
        return False
    shown_after = app.gateways.capabilities(sale.gateway).absence_final_after.get(Kind.REFUND, timedelta.max)
    newest = max((row.sent_at for row in own_refunds(turn, sale) if row.sent_at), default=None)
    return newest is None or app.clock.now() - newest >= shown_after


def lower(turn: Turn, app: App, sale: Transaction, found: Found) -> None:
    """Take back what was learned of a sale without a reference, as far as the gateway has returned less in all: a bank
    returned it, or it is an attempt of csctl that was approved late. The caller has asked for csctl's own refunds.
    """
    if not exceeds(turn, app, sale, found):
        return
    excess = Money(-_missing(turn, app, sale, found), sale.currency)
    app.notice(f"Warning: the gateway has returned {excess} less of {ids.show('txn', sale.id)} than csctl had learned.")
    for row in reversed(_unnamed(turn, sale)):
        beyond = -_missing(turn, app, sale, found)
        if beyond <= 0:
            return
        outside.take_back(turn.session, app, row, sale, Undone.LOWERED)
        if row.amount > beyond:
            _book(turn, app, sale, row.amount - beyond)


def own_refunds(turn: Turn, sale: Transaction) -> list[Transaction]:
    """The approved refunds of a sale that csctl sent."""
    return [row for row in _approved(turn, sale) if row.outside is None and row.key]


def _learn_refund(turn: Turn, app: App, sale: Transaction, amount: int, reference: str | None = None) -> None:
    """Record a refund that the books do not have. `amount` in minor units; an amount above the remaining
    one is left to a person.
    """
    _make_room(turn, app, sale, amount)
    remains = sale.amount - sale.refunded - sale.reserved
    name, money = ids.show("txn", sale.id), Money(amount, sale.currency)
    if amount > remains:
        app.notice(f"Warning: the gateway has returned {money} more of {name} than csctl knows, and it does not fit.")
        return
    _book(turn, app, sale, amount, reference)


def take_refund(turn: Turn, app: App, sale: Transaction, refund: Entry, *, only_named: bool = False) -> None:
    """Record a refund by its reference, once. If it was learned before from what the gateway returned in all, that
    record gets the reference. One without an amount in the sale's currency is left to the total; all that was not
    learned before, where a record is `only_named`.
    """
    amount, reference = refund.amount or 0, refund.reference
    if not _can_be_named(turn, sale, refund):
        return
    unnamed = _unnamed(turn, sale)
    same = next((row for row in unnamed if row.amount == amount), None)
    more = next((row for row in unnamed if row.amount > amount), None)
    if same:
        same.gateway_ref = reference
    elif more:  # several refunds, of which one has its reference now
        outside.take_back(turn.session, app, more, sale, Undone.DIVIDED)
        _book(turn, app, sale, amount, reference)
        _book(turn, app, sale, more.amount - amount)
    elif not only_named:
        _learn_refund(turn, app, sale, amount, reference)


def _can_be_named(turn: Turn, sale: Transaction, refund: Entry) -> bool:
    """Whether it is a refund that the books do not have by its reference, and can have."""
    sound = (refund.amount or 0) > 0 and refund.currency in (None, sale.currency) and is_reference(refund.reference)
    known = select(Transaction.id).where(
        Transaction.parent_id == sale.id,
        Transaction.kind == Kind.REFUND,
        Transaction.gateway_ref == refund.reference,
    )
    return sound and turn.session.scalar(known.limit(1)) is None and not is_busy(turn, sale)


def give_way(turn: Turn, app: App, sale: Transaction, reference: str) -> None:
    """Take back the record of a refund that turns out to be an attempt of csctl: the same money counts once."""
    same = select(Transaction).where(
        Transaction.parent_id == sale.id,
        Transaction.outside == Outside.GATEWAY,
        Transaction.state == State.APPROVED,
        Transaction.gateway_ref == reference,
    )
    for row in turn.session.scalars(same).all():
        outside.take_back(turn.session, app, row, sale, Undone.DIVIDED)


def give_back(turn: Turn, app: App, refund: Transaction) -> Result:
    """Record that a refund that was learned came back. Its amount remains again; a person decides about it."""
    name, money = ids.show("txn", refund.id), Money(refund.amount, refund.currency)
    outside.take_back(turn.session, app, refund, turn.session.get_one(Transaction, refund.parent_id), Undone.RETURNED)
    of_sale = ids.show("txn", refund.parent_id or 0)
    app.notice(f"Warning: {money} of {of_sale}, returned outside of csctl, came back. It is not queued.")
    return Result(of_sale, Outcome.UPDATED, f"{name} came back: {money} remains again", transaction_id=name)


def _book(turn: Turn, app: App, sale: Transaction, amount: int, reference: str | None = None) -> None:
    outside.book(turn.session, app, sale, amount, Outside.GATEWAY, None, gateway_ref=reference, send_email=False)


def _unnamed(turn: Turn, sale: Transaction) -> list[Transaction]:
    """The refunds of a sale that were learned from its total."""
    return [row for row in _approved(turn, sale) if row.outside is Outside.GATEWAY and row.gateway_ref is None]


def _approved(turn: Turn, sale: Transaction) -> list[Transaction]:
    refunds = select(Transaction).where(
        Transaction.parent_id == sale.id, Transaction.kind == Kind.REFUND, Transaction.state == State.APPROVED
    )
    return list(turn.session.scalars(refunds.order_by(Transaction.id)))


def _missing(turn: Turn, app: App, sale: Transaction, found: Found) -> int:
    """The amount that the gateway has returned and the books do not have; below zero if it has returned less."""
    if found.refunded_total is None:
        return 0
    keeps = app.gateways.capabilities(sale.gateway).total_keeps_returned
    return found.refunded_total - _returned_there(turn, sale, came_back=keeps)


def is_busy(turn: Turn, sale: Transaction) -> bool:
    """Whether an attempt on the sale is open."""
    open_ones = select(Transaction.id).where(Transaction.parent_id == sale.id, Transaction.state.in_(OPEN_STATES))
    return turn.session.scalar(open_ones.limit(1)) is not None


def _learn_void(turn: Turn, app: App, row: Transaction, found: Found) -> None:
    if not found.voided or row.voided_at is not None or row.reserved + row.refunded != 0:
        return
    before = row.settlement.value if row.settlement else None
    row.voided_at = app.clock.now()
    orders.note_if_all_returned(row.order, turn.sales_of(row.order_id))
    name = ids.show("txn", row.id)
    said = f"{name} was voided at the gateway"
    history.event(turn.session, app, row.order.customer_id, said, order_id=row.order_id, transaction_id=row.id)
    audit.write(turn.session, app, Outcome.UPDATED, target=name, before=before, after="voided")


def _learn_dispute(turn: Turn, app: App, sale: Transaction, dispute: Dispute) -> None:
    """Mark the sale as disputed, or end the dispute. A lost dispute is recorded as a chargeback, once."""
    blocks = dispute.state is DisputeState.OPEN or (dispute.state is DisputeState.INQUIRY and not dispute.refundable)
    if dispute.state is DisputeState.LOST:
        _lose(turn, app, sale, dispute)
    elif blocks and sale.disputed_at is None and not _lost_before(turn, sale):
        sale.disputed_at = app.clock.now()
        _tell(turn, app, sale, "is disputed, says the gateway", dispute)
    elif dispute.state is DisputeState.WON and sale.disputed_at is not None:
        sale.disputed_at = None
        _tell(turn, app, sale, "is no longer disputed, says the gateway", dispute)


def _lose(turn: Turn, app: App, sale: Transaction, dispute: Dispute) -> None:
    if _lost_before(turn, sale) or is_busy(turn, sale):
        return
    amount = min(dispute.amount or sale.amount - sale.refunded, sale.amount)
    if amount <= 0:
        return
    _make_room(turn, app, sale, amount)
    sale.disputed_at, sale.billing_blocked_at = None, app.clock.now()
    outside.book(turn.session, app, sale, amount, Outside.CHARGEBACK, identifier(dispute.reference), send_email=False)
    _tell(turn, app, sale, "lost its dispute, says the gateway", dispute)


def _lost_before(turn: Turn, sale: Transaction) -> bool:
    booked = select(Transaction.id).where(
        Transaction.parent_id == sale.id,
        Transaction.outside == Outside.CHARGEBACK,
        Transaction.state == State.APPROVED,
    )
    return turn.session.scalar(booked.limit(1)) is not None


def _tell(turn: Turn, app: App, sale: Transaction, words: str, dispute: Dispute) -> None:
    name = ids.show("txn", sale.id)
    history.event(
        turn.session,
        app,
        sale.order.customer_id,
        f"{name} {words}",
        order_id=sale.order_id,
        transaction_id=sale.id,
        reason=clean(dispute.reason),
    )
    disputed = sale.disputed_at is not None
    audit.write(
        turn.session, app, Outcome.UPDATED, target=name, after={"disputed": disputed}, reason=clean(dispute.reason)
    )


def _returned_there(turn: Turn, sale: Transaction, *, came_back: bool) -> int:
    """The sum that was returned through the gateway, by the books: without cheques and chargebacks, and with the
    refunds that `came_back` if the gateway still counts them.
    """
    counted = Transaction.state == State.APPROVED
    if came_back:
        counted |= has_come_back(Transaction)
    total = select(func.coalesce(func.sum(Transaction.amount), 0)).where(
        Transaction.parent_id == sale.id,
        Transaction.kind == Kind.REFUND,
        counted,
        or_(Transaction.outside.is_(None), Transaction.outside == Outside.GATEWAY),
    )
    return int(turn.session.scalar(total) or 0)


def has_come_back(refund: type[Transaction]) -> ColumnElement[bool]:
    """The condition of a refund, or its alias, that was approved before it failed."""
    approved = refund.watch_until.is_not(None) | (refund.reason == Reason.RETURNED)  # csctl's own are watched from then
    return (refund.state == State.FAILED) & approved


def _make_room(turn: Turn, app: App, sale: Transaction, amount: int) -> None:
    """Take out of the queue what the money was returned for: the item of the same amount, else the newest that no
    longer fit. One of which a part still fits is reduced to that part. The Notify Emails receive a message about each.
    """
    queued = select(QueueItem).where(QueueItem.sale_id == sale.id, QueueItem.state == ItemState.QUEUED)
    items = list(turn.session.scalars(queued.order_by(QueueItem.id.desc()).with_for_update()))
    same = next((item for item in items if item.amount == amount), None)
    for item in [same] if same else items:
        beyond = amount if same else sale.refunded + sale.reserved + amount - sale.amount
        if beyond > 0:
            _reduce(turn, app, sale, item, min(beyond, item.amount))


def _reduce(turn: Turn, app: App, sale: Transaction, item: QueueItem, by: int) -> None:
    before, money = item.amount, Money(by, item.currency)
    sale.reserved -= by
    if by == item.amount:
        queue_rules.close(item, Operation.RESOLVE, app.clock.now())
        item.close_reason = _FITS_NO_MORE
        news, outcome = f"{money} was returned at the gateway. The refund left the queue.", Outcome.RESOLVED
    else:
        item.amount -= by
        rest = Money(item.amount, item.currency)
        news, outcome = f"{money} was returned at the gateway. {rest} remains in the queue.", Outcome.UPDATED
    queue_rules.tell(turn.session, app, item, news)
    name = ids.show("rfq", item.id)
    audit.write(turn.session, app, outcome, target=name, before=str(Money(before, item.currency)), returned=str(money))
