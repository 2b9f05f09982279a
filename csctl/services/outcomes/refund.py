"""The rules of the refund queue for the records of an open transaction (domain rules, section 4)."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from csctl.domain import ids
from csctl.domain.outcomes import Outcome
from csctl.domain.reasons import Reason, Refused, after_refund
from csctl.domain.refund_queue import Operation, after
from csctl.domain.retries import POLICY
from csctl.domain.states import ItemState, State
from csctl.errors import CsctlError, GatewayRefused
from csctl.models import QueueItem, Transaction
from csctl.services.emails import announce as emails
from csctl.services.shared import history

if TYPE_CHECKING:
    from csctl.app import App


def take_failure(
    session: Session, app: App, refund: Transaction, sale: Transaction, item: QueueItem | None
) -> QueueItem | None:
    """Apply the failure of a refund: put it into the queue, or count the attempt of its item.

    Returns the item; None if the refund does not join the queue and its reservation is released.
    """
    then = after_refund(refund.reason)
    if refund.reason == Reason.DISPUTED:  # the gateway has just reported it; the item waits for the dispute
        sale.disputed_at = sale.disputed_at or app.clock.now()
    if item is not None:
        _take_failed_retry(session, app, refund, sale, item, then)
        return item
    if then in (Refused.RELEASE, Refused.NOTHING):
        sale.reserved -= refund.amount
        if then is Refused.NOTHING:
            sale.voided_at = sale.voided_at or app.clock.now()
        return None
    item = _enqueue(session, app, refund, sale)
    if then is Refused.PERSON:
        give_up(session, app, sale, item)
    return item


def take_return(
    session: Session, app: App, refund: Transaction, sale: Transaction, item: QueueItem | None
) -> QueueItem | None:
    """Apply the return of an approved refund: its amount remains on the sale again, and the queue continues.

    It was an attempt, and counts once: as the one that its item succeeded by, or as the first of a new item. A return
    of another attempt of the item (one that was approved late) only restores the amount: the item does not change.
    """
    if item is None:
        item = _enqueue(session, app, refund, sale)
        item.attempts = 1
    elif item.state is ItemState.SUCCEEDED and not _was_paid_otherwise(session, refund, item):
        move(item, Operation.RETURN)
        item.closed_at, item.next_attempt_on = None, POLICY.next_day(app.clock.today())
        item.last_reason = _words(refund)
    else:
        return item
    sale.reserved += item.amount
    item.send_email &= not refund.send_email  # the customer has received the email that announces it
    fits = sale.refunded + sale.reserved <= sale.amount  # or more was returned than the sale, and this is some of it
    if after_refund(refund.reason) is Refused.PERSON or POLICY.is_exhausted(item.attempts) or not fits:
        give_up(session, app, sale, item)
    return item


def _was_paid_otherwise(session: Session, refund: Transaction, item: QueueItem) -> bool:
    """Whether another attempt of the item was approved."""
    others = (Transaction.queue_item_id == item.id) & (Transaction.id != refund.id)
    approved = select(Transaction.id).where(others, Transaction.state == State.APPROVED)
    return session.scalars(approved.limit(1)).first() is not None


def _enqueue(session: Session, app: App, refund: Transaction, sale: Transaction) -> QueueItem:
    """Put the refund into the queue. Its reservation on the sale stays."""
    item = QueueItem(
        sale_id=sale.id,
        origin_id=refund.id,
        order_id=sale.order_id,
        customer_id=sale.order.customer_id,
        amount=refund.amount,
        currency=refund.currency,
        state=ItemState.QUEUED,
        attempts=0,
        next_attempt_on=POLICY.next_day(app.clock.today()),
        last_reason=_words(refund),
        send_email=refund.send_email,
        created_at=app.clock.now(),
    )
    session.add(item)
    session.flush()
    if refund.queue_item_id is None:  # a retry stays with its own item
        refund.queue_item_id = item.id
    return item


def _take_failed_retry(
    session: Session, app: App, refund: Transaction, sale: Transaction, item: QueueItem, then: Refused
) -> None:
    item.last_reason = _words(refund)
    if _was_paid_otherwise(session, refund, item):  # by an attempt that was approved late
        close(item, Operation.SUCCEED, app.clock.now())
        sale.reserved -= item.amount
        sale.refunded, sale.over_returned = sale.refunded + sale.over_returned, 0
    elif then in (Refused.WAIT, Refused.RELEASE):
        free_the_day(refund, item)
        _wait(item, None)
    elif then in (Refused.TOMORROW, Refused.TOTALS):
        _wait(item, refund.attempt_on)
    elif then is Refused.NOTHING:
        sale.reserved -= item.amount
        sale.voided_at = sale.voided_at or app.clock.now()
        settle(app, item, "the sale is voided")
    else:
        item.attempts += 1
        if then is Refused.PERSON or POLICY.is_exhausted(item.attempts):
            give_up(session, app, sale, item)
        else:
            _wait(item, refund.attempt_on or app.clock.today())


def free_the_day(attempt: Transaction, item: QueueItem) -> None:
    """It was no attempt: the day's slot of its item is free again."""
    attempt.attempt_on = item.last_attempt_on = None


def settle(app: App, item: QueueItem, why: str) -> None:
    """There is nothing to return any more."""
    close(item, Operation.SETTLE, app.clock.now())
    item.close_reason = why


def give_up(session: Session, app: App, sale: Transaction, item: QueueItem) -> None:
    """Close the item: its amount remains on the sale again, and the Notify Emails receive a message."""
    close(item, Operation.GIVE_UP, app.clock.now())
    sale.reserved -= item.amount
    emails.announce_exhausted(session, app, item, attempts_of(session, item))
    history.event(
        session,
        app,
        item.customer_id,
        f"gave up refund {ids.show('rfq', item.id)}{_after(item)}: {item.last_reason}",
        order_id=item.order_id,
    )


def tell(session: Session, app: App, item: QueueItem, news: str) -> None:
    """Tell the Notify Emails, and the customer's history, what happened to a queued refund."""
    emails.announce_exhausted(session, app, item, attempts_of(session, item), news)
    history.event(session, app, item.customer_id, f"{ids.show('rfq', item.id)}: {news}", order_id=item.order_id)


def _after(item: QueueItem) -> str:
    return f" after {item.attempts} {'attempt' if item.attempts == 1 else 'attempts'}" if item.attempts else ""


def _wait(item: QueueItem, tried_on: date | None) -> None:
    """Return the item to the queue, until the day after its attempt; at once if it had none."""
    move(item, Operation.WAIT)
    if tried_on is not None:
        item.next_attempt_on = POLICY.next_day(tried_on)


def succeed(app: App, item: QueueItem) -> None:
    """Close an item whose refund was approved; the approved attempt counts."""
    item.attempts += 1
    close(item, Operation.SUCCEED, app.clock.now())


def close(item: QueueItem, operation: Operation, now: datetime) -> None:
    """Close the item. Raises Conflict if its state does not allow it."""
    move(item, operation)
    item.closed_at, item.next_attempt_on = now, None


def move(item: QueueItem, operation: Operation) -> None:
    """Set the state after an operation. Raises Conflict if the state of the item does not allow it."""
    item.state = after(ids.show("rfq", item.id), item.state, operation)


def attempts_of(session: Session, item: QueueItem) -> list[Transaction]:
    """The refund that failed first, and every retry that reached the gateway, in order."""
    of_item = or_(Transaction.queue_item_id == item.id, Transaction.id == item.origin_id)
    tried = or_(Transaction.reason.is_(None), Transaction.reason != Reason.MISCONFIGURED)
    return list(session.scalars(select(Transaction).where(of_item, tried).order_by(Transaction.id)))


def paid_by(session: Session, item: QueueItem) -> Transaction | None:
    """The attempt by which an item succeeded."""
    approved = select(Transaction).where(Transaction.queue_item_id == item.id, Transaction.state == State.APPROVED)
    return session.scalars(approved.order_by(Transaction.id.desc()).limit(1)).first()


def verdict(refund: Transaction, item: QueueItem) -> tuple[Outcome, str, CsctlError]:
    """Outcome, message and error of a failed refund that is or was in the queue."""
    said = _words(refund)
    name = ids.show("rfq", item.id)
    if item.state is ItemState.EXHAUSTED:
        gone = GatewayRefused("the refund was given up", cause=said, fix=f"csctl queue requeue {name}")
        return Outcome.EXHAUSTED, f"given up{_after(item)}: {said}", gone
    if not item.state.open:
        closed = GatewayRefused("this attempt failed", cause=said, fix=f"csctl queue show {name}")
        return Outcome.FAILED, f"{said}; {name} is {item.state.value}", closed
    error = GatewayRefused("the refund failed and is in the queue", cause=said, fix=f"csctl queue show {name}")
    return Outcome.QUEUED, f"{said}, {_when(refund, item)}", error


def _when(refund: Transaction, item: QueueItem) -> str:
    """When a queued refund is tried again, in words."""
    if refund.reason == Reason.DISPUTED:
        return "waits for the dispute of its sale"
    if refund.id != item.origin_id and item.last_attempt_on is None:  # it did not count, and is still due
        return "tried again by the next run"
    return f"next try on {item.next_attempt_on}"


def _words(refund: Transaction) -> str:
    return refund.message or refund.reason or "the gateway gave no reason"
