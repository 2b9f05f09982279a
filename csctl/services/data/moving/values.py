"""A row of a table as JSON, and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import Column, Date, Table

from csctl.models.columns import UtcTime

# A row of any of the tables, by column: in the archive its values are those of JSON.
TableRow = Mapping[str, Any]
Readers = Mapping[str, Callable[[Any], Any]]


def written(row: TableRow) -> TableRow:
    """The values of a row as JSON knows them; times to the microsecond."""
    return {name: _written(value) for name, value in row.items()}


def _written(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return value.isoformat() if isinstance(value, date) else value


def readers(table: Table) -> Readers:
    """How each column of a table is read again, where it is not what JSON has."""
    return {column.name: reader for column in table.columns if (reader := _reader(column))}


def _reader(column: Column[Any]) -> Callable[[Any], Any] | None:
    if isinstance(column.type, UtcTime):
        return datetime.fromisoformat
    return date.fromisoformat if isinstance(column.type, Date) else None


def read(row: TableRow, how: Readers) -> TableRow:
    """The values of a row as the database takes them."""
    return {name: how[name](value) if name in how and value is not None else value for name, value in row.items()}
