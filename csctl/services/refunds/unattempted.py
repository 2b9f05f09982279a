"""Refunds in the queue that could not be attempted for days: their gateway was not there (domain rules, section 3)."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import aliased

from csctl.domain.plurals import counted
from csctl.domain.reasons import NOT_SENT, Reason
from csctl.domain.states import OPEN_ITEMS, ItemState
from csctl.models import Order, QueueItem, Transaction
from csctl.services.outcomes import refund as queue_rules

if TYPE_CHECKING:
    from csctl.app import App


_attempt = aliased(Transaction)  # of an item, next to its sale; made once, as it is costly


def waiting(app: App) -> Select[QueueItem]:
    """The items that have been due for the days of the setting, and were not attempted, or were not executed on as many
    days in a row. Those of disputed sales wait for their dispute.
    """
    days = app.shop.unattempted_days
    since = app.clock.today() - timedelta(days=days)
    of_item = select(func.count()).where(_attempt.queue_item_id == QueueItem.id, _attempt.attempt_on >= since)
    in_vain = of_item.where(_attempt.reason == Reason.NEVER_EXECUTED).scalar_subquery()
    return (
        select(QueueItem)
        .join(QueueItem.sale)
        .where(
            or_((QueueItem.state == ItemState.QUEUED) & (QueueItem.next_attempt_on <= since), in_vain >= days),
            QueueItem.state.in_(OPEN_ITEMS),
            Transaction.disputed_at.is_(None),
        )
        .order_by(QueueItem.id)
    )


def overdue(app: App) -> tuple[int, dict[str, int]]:
    """The numbers of refunds due before today that no attempt was made for: those that no run has reached, and by
    account those that a run left in the queue as the account did not answer.
    """
    since = app.clock.start_of(app.clock.today() - timedelta(days=1))
    lately = select(Transaction.queue_item_id).where(Transaction.queue_item_id.is_not(None))
    due = (
        select(Transaction.gateway, func.count())
        .join(QueueItem, QueueItem.sale_id == Transaction.id)
        .where(
            QueueItem.state == ItemState.QUEUED,
            QueueItem.next_attempt_on < app.clock.today(),
            QueueItem.id.not_in(lately.where(Transaction.created_at >= since)),
            Transaction.disputed_at.is_(None),
        )
        .group_by(Transaction.gateway)
    )
    gone = select(Transaction.gateway).where(Transaction.created_at >= since, Transaction.reason.in_(NOT_SENT))
    with app.read() as session:
        silent = set(session.scalars(gone.distinct()))
        found = {row[0]: int(row[1]) for row in session.execute(due)}
    return sum(found[name] for name in found.keys() - silent), {name: found[name] for name in found.keys() & silent}


def tell(app: App) -> None:
    """Tell the Notify Emails of each of them, once."""
    with app.write() as session:
        untold = waiting(app).where(QueueItem.unattempted_told_at.is_(None))
        for number in session.scalars(untold.with_only_columns(QueueItem.id)).all():
            order_id = session.get_one(QueueItem, number).order_id
            session.get_one(Order, order_id, with_for_update=True)
            item = session.get_one(QueueItem, number, with_for_update=True)
            if not item.state.open or item.unattempted_told_at:
                continue
            item.unattempted_told_at = app.clock.now()
            days = counted(app.shop.unattempted_days, "day")
            why = f" Last: {item.last_reason}." if item.last_reason else ""
            queue_rules.tell(session, app, item, f"It could not be attempted for {days}.{why} It stays in the queue.")
