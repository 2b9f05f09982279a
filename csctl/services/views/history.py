"""Rows of a customer's history: notes by operators, calls, and events that csctl recorded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.orm import Session, aliased

from csctl.domain import ids
from csctl.models import HistoryEntry
from csctl.results import Limit, Page, Row
from csctl.services.customers import lookup
from csctl.services.shared import damage, listing, operator_names

if TYPE_CHECKING:
    from csctl.app import App


def of_customer(app: App, who: str, limit: Limit) -> Page:
    """The history of a customer, newest first. Raises NotFound, or Conflict for an email of several customers."""
    with app.read() as session:
        customer = lookup.find(session, who)
    statement = select(HistoryEntry).where(HistoryEntry.customer_id == customer.id, current())
    return listing.newest_first(app, statement, HistoryEntry.at, HistoryEntry.id, rows, limit)


def current() -> ColumnElement[bool]:
    """The entries that were not replaced by an edited one."""
    newer = aliased(HistoryEntry)
    return ~exists().where(newer.replaces_id == HistoryEntry.id)


def rows(session: Session, entries: list[HistoryEntry]) -> list[Row]:
    """A row for each entry. Runs one query."""
    names = operator_names.names(session)
    return damage.each(lambda entry: row(entry, names), entries)


def row(entry: HistoryEntry, names: Mapping[int, str]) -> Row:
    """A row of one entry. `names` are those of all operators, by id."""
    return {
        "id": ids.show("his", entry.id),
        "at": entry.at,
        "kind": entry.kind.value,
        "text": f"{entry.text}: {entry.reason}" if entry.reason else entry.text,
        "operator": names.get(entry.operator_id) if entry.operator_id else None,
        "order_id": ids.show_or_none("ord", entry.order_id),
        "transaction_id": ids.show_or_none("txn", entry.transaction_id),
        "customer_id": ids.show("cus", entry.customer_id),
        "edited_at": entry.edited_at,
    }
