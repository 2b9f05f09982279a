"""New records of a batch, inserted together: an ORM object for each row would take most of an import's time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Generic, TypeVar, cast

from sqlalchemy import ColumnDefault, Connection, Table, insert, inspect, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from csctl.domain.addresses import ADDRESS_FIELDS, Address
from csctl.models.columns import Base

Record = TypeVar("Record", bound=Base)


class Drafts(Generic[Record]):
    """Records that are not in the database yet. A draft has the columns of its model as attributes, and no others."""

    def __init__(self, session: Session, model: type[Record]) -> None:
        self._session, self._model = session, model
        self.made: list[Record] = []
        self._ids: Iterator[int] = iter(())

    def number(self, count: int) -> None:
        """Take ids for so many drafts, so that others can refer to them before they are stored."""
        self._ids = _free_ids(self._session, cast(Table, self._model.__table__), count)

    def add(self, **values: Any) -> Record:
        draft = _class_of(self._model)()
        draft.__dict__.update(values)
        if (number := next(self._ids, None)) is not None:
            draft.id = number
        self.made.append(cast(Record, draft))
        return self.made[-1]

    def store(self) -> None:
        """Insert the drafts, in the order in which they were made."""
        insert_all(self._session, self._model, self.made)
        self.made = []


def insert_all(session: Session, model: type[Record], drafts: Sequence[Record]) -> None:
    """Insert drafts of a model with one statement. It names only the columns that one of them fills."""
    if not drafts:
        return
    class_, table = _class_of(model), cast(Table, model.__table__)
    names = {name for draft in drafts for name in vars(draft)} | ({"version"} & vars(class_).keys())
    names |= {column.name for column in table.columns if column.default is not None}
    empty = {name: getattr(class_, name) for name in names}
    addresses = names.intersection(inspect(model).composites.keys())
    rows = [_row(empty | vars(draft), addresses) for draft in drafts]
    if session.get_bind().dialect.name == "sqlite":
        session.execute(insert(table), rows)
    else:
        _copy(session.connection(), table, rows)


def _copy(connection: Connection, table: Table, rows: Sequence[Mapping[str, object]]) -> None:
    """Insert the rows by COPY: a statement for each takes PostgreSQL five times as long, as it prepares all checks of
    the table again.
    """
    dialect = connection.dialect
    columns = [table.columns[name] for name in rows[0]]
    forms = [column.type.dialect_impl(dialect).bind_processor(dialect) for column in columns]
    statement = f"COPY {table.name} ({', '.join(column.name for column in columns)}) FROM STDIN"
    driver: Any = connection.connection
    failed = cast(Any, dialect.dbapi).Error

    def stored(row: Mapping[str, object]) -> list[object]:
        return [value if form is None else form(value) for value, form in zip(row.values(), forms, strict=True)]

    try:
        with driver.cursor() as cursor, cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row(stored(row))
    except failed as error:
        lost = dialect.is_disconnect(error, None, None)
        raise DBAPIError.instance(statement, None, error, failed, True, lost, dialect) from error


@cache
def _class_of(model: type[Base]) -> Any:
    """A class whose attributes are what a record has in the columns that nothing is said of."""
    mapper = inspect(model)
    filled = {column.name: _default(column.default) for column in cast(Table, model.__table__).columns}
    filled |= dict.fromkeys(mapper.composites.keys(), Address())
    if mapper.version_id_col is not None:
        filled["version"] = 1
    return type(f"New{model.__name__}", (), filled)


def _default(default: Any) -> Any:
    return default.arg if isinstance(default, ColumnDefault) and default.is_scalar else None


def _row(values: dict[str, Any], addresses: set[str]) -> Mapping[str, object]:
    """The columns of a draft of any model, as an INSERT takes them."""
    for name in addresses:
        address = values.pop(name) or Address()
        for field in ADDRESS_FIELDS:
            values[f"{name}_{field}"] = getattr(address, field)
    return values


def _free_ids(session: Session, table: Table, count: int) -> Iterator[int]:
    if session.get_bind().dialect.name == "sqlite":  # this transaction is its only writer
        last = "SELECT max(coalesce((SELECT seq FROM sqlite_sequence WHERE name = :name), 0), coalesce(max(id), 0))"
        first = (session.scalar(text(f"{last} FROM {table.name}"), {"name": table.name}) or 0) + 1
        return iter(range(first, first + count))
    drawn = text("SELECT nextval(pg_get_serial_sequence(:name, 'id')) FROM generate_series(1, :count)")
    return iter(session.scalars(drawn, {"name": table.name, "count": count}).all())
