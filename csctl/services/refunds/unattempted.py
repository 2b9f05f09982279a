"""Refunds in the queue that could not be attempted for days: their gateway was not there (domain rules, section 3)."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import Select, select

from csctl.domain.plurals import counted
from csctl.domain.states import ItemState
from csctl.models import Order, QueueItem, Transaction
from csctl.services.outcomes import refund as queue_rules

if TYPE_CHECKING:
    from csctl.app import App


def waiting(app: App) -> Select[QueueItem]:
    """The items that have been due for the days of the setting, and were not attempted. Those of disputed sales wait
    for their dispute.
    """
    since = app.clock.today() - timedelta(days=app.shop.unattempted_days)
    return (
        select(QueueItem)
        .join(QueueItem.sale)
        .where(
            QueueItem.state == ItemState.QUEUED,
            QueueItem.next_attempt_on <= since,
            Transaction.disputed_at.is_(None),
        )
        .order_by(QueueItem.id)
    )


def tell(app: App) -> None:
    """Tell the Notify Emails of each of them, once."""
    with app.write() as session:
        untold = waiting(app).where(QueueItem.unattempted_told_at.is_(None))
        for number in session.scalars(untold.with_only_columns(QueueItem.id)).all():
            order_id = session.get_one(QueueItem, number).order_id
            session.get_one(Order, order_id, with_for_update=True)
            item = session.get_one(QueueItem, number, with_for_update=True)
            if item.state is not ItemState.QUEUED or item.unattempted_told_at:
                continue
            item.unattempted_told_at = app.clock.now()
            days = counted(app.shop.unattempted_days, "day")
            why = f" Last: {item.last_reason}." if item.last_reason else ""
            queue_rules.tell(session, app, item, f"It could not be attempted for {days}.{why} It stays in the queue.")
