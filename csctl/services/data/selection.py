"""What an export selects: columns and not records, whose making would take most of its time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import DateTime, String, TypeDecorator, inspect, type_coerce

from csctl.clock import rfc3339
from csctl.domain import fields, ids
from csctl.domain.field_uses import Field, Use
from csctl.domain.fields import RECORDS
from csctl.domain.money import to_decimal
from csctl.models import PricePoint
from csctl.models.columns import UtcTime, Words
from csctl.services.shared import damage
from csctl.services.shared.exported_ids import exported_id

_KEPT_BY_SQLITE = len("2026-01-31 10:00:00.000000")
_Read = Callable[[Any], Any]


class Selection:
    """The id of the record, a column for each field, and after those what `readers` need besides.

    `parts` are the record and those whose fields are in its row too; `referred` those that it has a foreign key to.
    With `as_text` times are the texts that a file has.
    """

    def __init__(self, parts: Iterable[Any], referred: Mapping[str, Any], mark: str, *, as_text: bool) -> None:
        self._as_text = as_text
        listed = [(one, field) for one in parts for field in fields.of(_table(one), Use.FILE)]
        self.names = [field.file for _one, field in listed]
        self.columns: list[Any] = [listed[0][0].id]
        self._table, self._mark, self._more = _table(listed[0][0]), mark, len(listed) + 1
        self._readers: list[tuple[int, _Read]] = []
        more: list[Any] = []
        for place, (one, field) in enumerate(listed):
            column, needed, reader = self._cell(one, field, referred.get(field.name), place + 1, self._more + len(more))
            self.columns.append(column)
            more += needed
            if reader:
                self._readers.append((place, reader))
        self.columns += more

    def leave_out(self, name: str) -> None:
        self._readers.append((self.names.index(name), lambda _row: None))

    def rows(self, found: Iterable[Any]) -> Iterator[list[Any] | dict[str, Any]]:
        """The cells of each row; of a damaged one its id, and why it cannot be read."""
        for row in found:
            cells = list(row[1 : self._more])
            try:
                for place, read in self._readers:
                    cells[place] = read(row)
            except damage.ERRORS as error:
                name = ids.show(RECORDS[self._table].prefix or self._table, row[0])
                yield {"id": name, "damaged": damage.damaged(name, error).cause}
            else:
                yield cells

    def _cell(self, owner: Any, field: Field, other: Any, at: int, more: int) -> tuple[Any, list[Any], _Read | None]:
        """The column of a field, those that come at `more` for it, and how its cell is read where it is not the value
        of the column, which comes at `at`.
        """
        if other is not None and _table(other) == PricePoint.__tablename__:
            return other.code, [], None
        if other is not None or field.name == "external_id":
            named, mark = other if other is not None else owner, self._mark
            prefix = RECORDS[_table(named)].prefix or ""
            return named.external_id, [named.id], lambda row: exported_id(row[at], prefix, row[more], mark)
        column = getattr(owner, field.name)
        if field.uses & Use.AMOUNT:
            return (
                column,
                [owner.currency],
                lambda row: None if row[at] is None else to_decimal(row[at], row[more]),
            )
        if isinstance(column.type, Words):
            return column, [], lambda row: None if row[at] is None else row[at].value
        if isinstance(column.type, UtcTime):
            shown = _text if self._as_text else _moment
            return type_coerce(column, _Time), [], lambda row: None if row[at] is None else shown(row[at])
        return column, [], None


class _Time(TypeDecorator[Any]):
    """A time as the driver gives it: SQLAlchemy takes longer to read one than for the rest of a row."""

    impl = DateTime(timezone=True).with_variant(String, "sqlite")
    cache_ok = True


def _moment(kept: Any) -> datetime:
    moment = datetime.fromisoformat(kept) if isinstance(kept, str) else kept
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _text(kept: Any) -> str:
    if isinstance(kept, str) and len(kept) == _KEPT_BY_SQLITE:
        datetime.fromisoformat(kept)  # raises ValueError
        return f"{kept[:10]}T{kept[11:19]}Z"
    return rfc3339(_moment(kept))


def _table(entity: Any) -> str:
    return str(inspect(entity).mapper.local_table.name)
