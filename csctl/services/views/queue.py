"""Rows of the refund queue in lists, `queue show` and `queue stats`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session, joinedload

from csctl.domain import ids
from csctl.domain.money import is_currency, to_decimal
from csctl.domain.states import OPEN_ITEMS, ItemState
from csctl.models import Order, QueueItem, Transaction
from csctl.results import Amounts, Limit, Page, Row
from csctl.services.outcomes import refund as queue_rules
from csctl.services.shared import damage, field_values, filters
from csctl.services.shared import listing as listings
from csctl.services.views import customers

if TYPE_CHECKING:
    from csctl.app import App

_ANY = Amounts()


def listing(
    app: App, limit: Limit, *, state: Sequence[str] = (), customer_id: Sequence[int] = (), amounts: Amounts = _ANY
) -> Page:
    """Items in any of these states, by default the open ones; `any` means all. Newest first."""
    statement = select(QueueItem).options(
        joinedload(QueueItem.order).joinedload(Order.customer), joinedload(QueueItem.sale)
    )
    if "any" not in state:
        wanted = [ItemState(one) for one in state] or OPEN_ITEMS
        statement = statement.where(QueueItem.state.in_(wanted))
    statement = statement.where(
        *filters.any_of(QueueItem.customer_id, customer_id),
        *filters.amounts(amounts, QueueItem.amount, QueueItem.currency),
    )
    today = app.clock.today()

    def rows(_session: Session, items: list[QueueItem]) -> list[Row]:
        return damage.each(lambda item: row(item, today), items)

    return listings.newest_first(app, statement, QueueItem.created_at, QueueItem.id, rows, limit)


def show(app: App, number: int) -> Row:
    """An item with every attempt, oldest first: the refund that failed, then each retry. Raises NotFound."""
    with app.read() as session:
        item = listings.existing(session, QueueItem, "rfq", number)
        return {
            **row(item, app.clock.today()),
            **field_values.shown(item),
            "history": [_attempt(app, one) for one in queue_rules.attempts_of(session, item)],
        }


def _attempt(app: App, attempt: Transaction) -> Row:
    return {
        "transaction_id": ids.show("txn", attempt.id),
        "day": attempt.attempt_on or app.clock.day_of(attempt.created_at),
        "state": attempt.state.value,
        "reason": attempt.reason,
        "message": attempt.message,
    }


def stats(app: App) -> list[Row]:
    """For each state and currency: how many items, their sum, the oldest, and how many are due today or wait
    for a dispute.
    """
    queued, disputed = QueueItem.state == ItemState.QUEUED, Transaction.disputed_at.is_not(None)
    due = queued & (QueueItem.next_attempt_on <= app.clock.today()) & ~disputed
    sums = select(
        QueueItem.state,
        QueueItem.currency,
        func.count(),
        func.sum(QueueItem.amount),
        func.min(QueueItem.created_at),
        func.sum(case((due, 1), else_=0)),
        func.sum(case((due, QueueItem.amount), else_=0)),
        func.sum(case((queued & disputed, 1), else_=0)),
    ).join(QueueItem.sale)
    order = list(ItemState)
    with app.read() as session:
        found = session.execute(sums.group_by(QueueItem.state, QueueItem.currency)).all()
    readable = [row for row in found if row[0] in order and is_currency(row[1])]
    return [
        {
            "state": state.value,
            "currency": currency,
            "items": items,
            "amount": to_decimal(int(amount), currency),
            "oldest": oldest,
            "due_today": int(due_items),
            "due_amount": to_decimal(int(due_amount), currency),
            "disputed": int(waiting),
        }
        for state, currency, items, amount, oldest, due_items, due_amount, waiting in sorted(
            readable, key=lambda row: (order.index(row[0]), row[1])
        )
    ]


def row(item: QueueItem, today: date) -> Row:
    """A row. `transaction_id` is the sale's. What was due before today is due today; what waits has no day."""
    waits = item.state.open and item.sale.disputed_at is not None
    return {
        **field_values.listed(item),
        "next_attempt_on": None if waits or not item.next_attempt_on else max(item.next_attempt_on, today),
        "waits_for": "dispute" if waits else None,
        **customers.named(item.order.customer),
    }
