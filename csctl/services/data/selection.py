"""What an export selects: columns and not records, whose making would take most of its time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Boolean, DateTime, String, TypeDecorator, inspect, type_coerce
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from csctl.clock import rfc3339
from csctl.domain import fields, ids
from csctl.domain.field_uses import Field, Use
from csctl.domain.fields import RECORDS
from csctl.domain.money import to_decimal
from csctl.models import PricePoint
from csctl.models.columns import UtcTime, Words
from csctl.results import Cells
from csctl.services.shared import damage
from csctl.services.shared.exported_ids import exported_id

_KEPT_BY_SQLITE = len("2026-01-31 10:00:00.000000")
_WRITTEN = len("2026-01-31T10:00:00Z")
_Columns = Sequence[Sequence[Any]]
_Read = Callable[[_Columns], Sequence[Any]]


class Selection:
    """The id of the record, a column for each field, and after those what `readers` need besides.

    `names` are the fields in the order of a file; one that no column has, as it says the same as another, is empty.
    `parts` are the record and those whose fields are in its row too; `referred` those that it has a foreign key to.
    With `as_text` times and marks are the texts that a file has.
    """

    def __init__(
        self, names: Iterable[str], parts: Iterable[Any], referred: Mapping[str, Any], mark: str, *, as_text: bool
    ) -> None:
        self._as_text = as_text
        listed = [(one, field) for one in parts for field in fields.of(_table(one), Use.FILE)]
        self._given = [field.file for _one, field in listed]
        self._places = [self._given.index(name) + 1 if name in self._given else None for name in names]
        self.columns: list[Any] = [listed[0][0].id]
        self._table, self._mark, first = _table(listed[0][0]), mark, len(listed) + 1
        self._readers: list[tuple[int, _Read]] = []
        more: list[Any] = []
        for place, (one, field) in enumerate(listed, start=1):
            column, needed, reader = self._cell(one, field, referred.get(field.name), place, first + len(more))
            self.columns.append(column)
            more += needed
            if reader:
                self._readers.append((place, reader))
        self.columns += more

    def leave_out(self, name: str) -> None:
        self._places = [None if place == self._given.index(name) + 1 else place for place in self._places]

    def rows(self, found: Sequence[Any]) -> list[Cells]:
        """The cells of each row; of a damaged one its id, and why it cannot be read."""
        try:
            return self._read(found)
        except damage.ERRORS as error:
            if len(found) > 1:
                return [cells for row in found for cells in self.rows([row])]
            name = ids.show(RECORDS[self._table].prefix or self._table, found[0][0])
            return [{"id": name, "damaged": damage.damaged(name, error).cause}]

    def _read(self, found: Sequence[Any]) -> list[Cells]:
        """All rows column by column, which takes a third of the time of cell by cell."""
        columns: list[Sequence[Any]] = list(zip(*found, strict=True))
        if not columns:
            return []
        for place, read in self._readers:
            columns[place] = read(columns)
        empty = (None,) * len(found)
        return list(zip(*(empty if place is None else columns[place] for place in self._places), strict=True))

    def _cell(self, owner: Any, field: Field, other: Any, at: int, more: int) -> tuple[Any, list[Any], _Read | None]:
        """The column of a field, those that come at `more` for it, and how its cells are read where they are not the
        values of the column, which comes at `at`.
        """
        if other is not None and _table(other) == PricePoint.__tablename__:
            return other.code, [], None
        if other is not None or field.name == "external_id":
            named, mark = other if other is not None else owner, self._mark
            prefix = RECORDS[_table(named)].prefix or ""
            return named.external_id, [named.id], lambda found: _ids(found[at], found[more], prefix, mark)
        column = getattr(owner, field.name)
        if field.uses & Use.AMOUNT:
            return column, [owner.currency], lambda found: _amounts(found[at], found[more])
        if isinstance(column.type, Words):
            return column, [], lambda found: [None if word is None else word.value for word in found[at]]
        if isinstance(column.type, UtcTime):
            shown = _text if self._as_text else _moment
            kept = _Written(column) if self._as_text else column
            return (
                type_coerce(kept, _Time),
                [],
                lambda found: [None if kept is None else shown(kept) for kept in found[at]],
            )
        if isinstance(column.type, Boolean) and self._as_text:
            return column, [], lambda found: [None if is_so is None else str(is_so).lower() for is_so in found[at]]
        return column, [], None


def _ids(given: Sequence[Any], numbers: Sequence[Any], prefix: str, mark: str) -> Sequence[Any]:
    if all(given):
        return given
    return [exported_id(one, prefix, number, mark) for one, number in zip(given, numbers, strict=True)]


def _amounts(minor: Sequence[Any], currencies: Sequence[Any]) -> Sequence[Any]:
    pairs = zip(minor, currencies, strict=True)
    return [None if amount is None else to_decimal(amount, currency) for amount, currency in pairs]


class _Time(TypeDecorator[Any]):
    """A time as the driver gives it: SQLAlchemy takes longer to read one than for the rest of a row."""

    impl = DateTime(timezone=True).with_variant(String, "sqlite")
    cache_ok = True


class _Written(FunctionElement[Any]):
    """A time that PostgreSQL writes as a file has it: reading and writing it here takes longer. Elsewhere as it is."""

    inherit_cache = True


@compiles(_Written)
def _as_it_is(element: _Written, compiler: SQLCompiler, **options: Any) -> str:
    return str(compiler.process(element.clauses, **options))


@compiles(_Written, "postgresql")
def _by_postgresql(element: _Written, compiler: SQLCompiler, **options: Any) -> str:
    column = compiler.process(element.clauses, **options)
    shown = f"""to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')"""
    readable = f"{column} BETWEEN TIMESTAMPTZ '0001-01-01 00:00Z' AND TIMESTAMPTZ '9999-12-31 23:59:59.999999Z'"
    return f"CASE WHEN {readable} THEN {shown} ELSE CAST({column} AS text) END"  # which is then found to be damaged


def _moment(kept: Any) -> datetime:
    moment = datetime.fromisoformat(kept) if isinstance(kept, str) else kept
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _text(kept: Any) -> str:
    if isinstance(kept, str) and len(kept) == _WRITTEN and kept[-1] == "Z":
        return kept
    if isinstance(kept, str) and len(kept) == _KEPT_BY_SQLITE:
        datetime.fromisoformat(kept)  # raises ValueError
        return f"{kept[:10]}T{kept[11:19]}Z"
    return rfc3339(_moment(kept))


def _table(entity: Any) -> str:
    return str(inspect(entity).mapper.local_table.name)
