"""Check the consistency of the rows of a database: for `db check` and `doctor`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, func, or_, select, text
from sqlalchemy.orm import Session, aliased

from csctl.domain import ids
from csctl.domain.money import to_decimal
from csctl.domain.states import CHARGES, OPEN_ITEMS, OPEN_STATES, RETURNS, ItemState, Kind, State
from csctl.errors import DatabaseDamaged
from csctl.models import QueueItem, Transaction
from csctl.services.health import schema
from csctl.services.health.finding import Finding
from csctl.services.shared import duplicates

if TYPE_CHECKING:
    from csctl.app import App

_MOST = 20  # problems of a file that are listed


def check(app: App) -> list[Finding]:
    """All checks of `db check`: the file, the schema, and the consistency of the rows."""
    found = _of_file(app)
    try:
        found += schema.findings(app)
        return [*found, *findings(app)]
    except DatabaseDamaged:
        if found:  # missing or damaged parts are reported already
            return found
        raise


def _of_file(app: App) -> list[Finding]:
    """Problems of the SQLite file. PostgreSQL checks its own files."""
    if app.engine.dialect.name != "sqlite":
        return []
    try:
        with app.read() as session:
            said = session.scalars(text(f"PRAGMA integrity_check({_MOST})")).all()
    except DatabaseDamaged as error:  # SQLite could not continue
        said = [error.cause or error.message]
    return [Finding("file", str(app.engine.url.database), line) for line in said if line != "ok"]


def findings(app: App) -> list[Finding]:
    """Inconsistent rows of the database."""
    with app.read() as session:
        return [*_totals_of_sales(session), *_orphaned_queue_items(session), *_duplicates(session)]


def _duplicates(session: Session) -> list[Finding]:
    """Sales that stand in the books twice, and whose money must be looked at by a person."""
    return [Finding("duplicate", name, f"not refunded: {words}") for name, words in duplicates.marked(session)]


def _totals_of_sales(session: Session) -> list[Finding]:
    return [
        Finding(
            "totals",
            ids.show("txn", row.id),
            f"refunded is {to_decimal(row.refunded, row.currency)} and should be"
            f" {to_decimal(row.is_refunded, row.currency)}; reserved is {to_decimal(row.reserved, row.currency)} and"
            f" should be {to_decimal(row.is_reserved, row.currency)}",
        )
        for row in session.execute(wrong_totals())
    ]


def wrong_totals() -> Select[Any]:
    """Sales whose `refunded` and `reserved` are not the sums of their refunds and reservations: the query."""
    refunded, reserved = _sums_of_a_sale()
    columns = (
        Transaction.id,
        Transaction.currency,
        (Transaction.refunded + Transaction.over_returned).label("refunded"),
        refunded.label("is_refunded"),
        Transaction.reserved,
        reserved.label("is_reserved"),
    )
    return select(*columns).where(
        Transaction.kind.in_(CHARGES),
        (Transaction.refunded + Transaction.over_returned != refunded) | (Transaction.reserved != reserved),
    )


def _sums_of_a_sale() -> tuple[Any, Any]:
    """What a sale has refunded and reserved, from its refunds and queue items, as subqueries."""
    child, item = aliased(Transaction), aliased(QueueItem)

    def of_children(*conditions: Any) -> Any:
        total = func.coalesce(func.sum(child.amount), 0)
        return select(total).where(child.parent_id == Transaction.id, *conditions).scalar_subquery()

    def of_items(*states: ItemState) -> Any:
        total = func.coalesce(func.sum(item.amount), 0)
        # A resolved item without a reference was closed for a refund in the books, or for a void.
        counted = or_(item.state != ItemState.RESOLVED, item.reference.is_not(None))
        return select(total).where(item.sale_id == Transaction.id, item.state.in_(states), counted).scalar_subquery()

    approved = of_children(child.kind == Kind.REFUND, child.state == State.APPROVED)
    # A retry under way is reserved by its queue item.
    under_way = of_children(child.kind.in_(RETURNS), child.state.in_(OPEN_STATES), child.queue_item_id.is_(None))
    return approved + of_items(ItemState.RESOLVED), under_way + of_items(*OPEN_ITEMS)


def _orphaned_queue_items(session: Session) -> list[Finding]:
    """Items in progress without an attempt that is under way."""
    attempt = select(Transaction.id).where(
        Transaction.queue_item_id == QueueItem.id, Transaction.state.in_(OPEN_STATES)
    )
    lost = select(QueueItem.id).where(QueueItem.state == ItemState.IN_PROGRESS, ~attempt.exists())
    return [
        Finding("queue", ids.show("rfq", number), "in progress, and no attempt is under way")
        for number in session.scalars(lost)
    ]
