"""Which tables move, and in which order."""

from __future__ import annotations

from sqlalchemy import Column, Table

from csctl.models import AuditRow, AuditSeal, Base, Installation, Move, Operator

# What stays: the audit log of a database is its own, and sealed there.
STAYING = frozenset({AuditRow.__tablename__, AuditSeal.__tablename__, Installation.__tablename__, Move.__tablename__})
OPERATORS = Operator.__tablename__
# Of these a new database may have rows of its own, which the export's replace.
REPLACED = frozenset({"settings", "notify_emails", "gateway_accounts", "gateway_cursors"})
# The tables that decide about money: blocked for other writers during an export. A group's login cannot block others.
HELD = ("customers", "payment_methods", "orders", "purchases", "transactions", "refund_queue", "requests", "emails")
# What only the database it was written in can use: the secret of an operator, and which process does what.
LEFT_EMPTY = {
    OPERATORS: ("token_hash", "token_expires_at", "last_used_at"),
    "runs": ("worker", "lease_until"),
    "transactions": ("claim", "lease_until"),
    "emails": ("lease_until",),
}


def moving() -> list[Table]:
    """The tables that move, each after those that it refers to (but for `late` columns)."""
    return [table for table in Base.metadata.sorted_tables if table.name not in STAYING]


def late(table: Table) -> list[Column[int]]:
    """The columns that refer to a row which may come later: of the same table, or of one further on."""
    order = {one.name: place for place, one in enumerate(Base.metadata.sorted_tables)}
    return [
        column
        for column in table.columns
        for key in column.foreign_keys
        if order[key.column.table.name] >= order[table.name]
    ]


def of_operators(table: Table) -> list[str]:
    """The columns that name an operator."""
    return [
        column.name for column in table.columns for key in column.foreign_keys if key.column.table.name == OPERATORS
    ]
