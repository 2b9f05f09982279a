"""Records that cannot be read: each is reported by its id, and the others are processed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from csctl.domain import ids
from csctl.domain.fields import RECORDS
from csctl.errors import Conflict, CsctlError, Damaged
from csctl.models import Base
from csctl.results import Row
from csctl.unreadable import UNREADABLE

Record = TypeVar("Record", bound=Base)
ERRORS = (Damaged, *UNREADABLE)


def name_of(record: Base) -> str:
    """The id of a record as people see it."""
    prefix, number = RECORDS[record.__tablename__].prefix, getattr(record, "id", None)
    return ids.show(prefix, number) if prefix and isinstance(number, int) else f"a row of {record.__tablename__}"


def each(describe: Callable[[Record], Row], records: Iterable[Record]) -> list[Row]:
    """A row for each record. The row of a damaged one has its `id`, and in `damaged` why it cannot be read."""
    return [_row(describe, record) for record in records]


def _row(describe: Callable[[Record], Row], record: Record) -> Row:
    try:
        return describe(record)
    except ERRORS as error:
        return row_of(record, error)


def row_of(record: Base, error: Exception) -> Row:
    """The row of a record that cannot be read."""
    return {"id": name_of(record), "damaged": damaged(name_of(record), error).cause}


def damaged(name: str, error: Exception) -> Damaged:
    """The error for a record that cannot be read."""
    cause = error.message if isinstance(error, CsctlError) else f"{type(error).__name__}: {error}"
    return Damaged(f"{name} is damaged", cause=cause[:200], fix="csctl db check")


def refused_by_database(error: Exception) -> Conflict:
    """The error for a change that a constraint of the database does not allow."""
    return Conflict("the database refuses it", cause=str(getattr(error, "orig", error)).splitlines()[0])
