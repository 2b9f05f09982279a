"""Rows that are added and not read again in their transaction: the audit log, histories, the outbox.

Where one transaction is for many records, they are written together at its end, one statement for each table.
"""

from __future__ import annotations

from typing import cast

from sqlalchemy import Table
from sqlalchemy.orm import Session

from csctl.database import Changes
from csctl.models import AuditRow, Email, HistoryEntry

Row = AuditRow | Email | HistoryEntry


def together(session: Changes) -> None:
    """Collect the rows of this transaction from now on, until `write`."""
    session.waiting = {}


def put(session: Session, row: Row) -> None:
    """Add a row. It has no id before the transaction's end."""
    if isinstance(session, Changes) and session.waiting is not None:
        session.waiting.setdefault(type(row), []).append(row)
    else:
        session.add(row)


def write(session: Changes) -> None:
    """Write the rows that wait; what they refer to must be written already."""
    waiting, session.waiting = session.waiting or {}, None
    for model, rows in waiting.items():
        table = cast(Table, model.__table__)
        names = {column.name for column in table.columns if any(column.name in row.__dict__ for row in rows)}
        values: list[dict[str, object]] = [{name: row.__dict__.get(name) for name in names} for row in rows]
        session.connection().execute(table.insert(), values)
