"""Many rows of one table in one statement: find them, insert them, or update each with values of its own.

PostgreSQL gets the rows as one JSON value. So the text of the statement is the same for any number of rows, and it is
parsed, planned and its constraints are read once for all of them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from typing import Any

from sqlalchemy import Boolean, Connection, Dialect, Table, bindparam, text
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.sql.schema import ScalarElementColumnDefault
from sqlalchemy.types import UserDefinedType

Row = dict[str, Any]
_PLACE = "place_"  # of a row that is inserted: the database numbers the rows in this order


class _Ids(UserDefinedType[list[int]]):
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Any:
        return json.dumps if dialect.name == "sqlite" else None


class among(FunctionElement[bool]):  # noqa: N801 - a function in SQL
    """The column has one of the ids of a parameter: a list, sent as one value."""

    type = Boolean()
    inherit_cache = True

    def __init__(self, column: Any, name: str) -> None:
        super().__init__(column, bindparam(name, type_=_Ids()))

    def self_group(self, against: Any = None) -> Any:
        """As it stands: SQLAlchemy would compare it with 1 on SQLite, and no index would be used."""
        return self


@compiles(among)
def _among(element: among, compiler: Any, **options: Any) -> str:
    column, ids = (compiler.process(one, **options) for one in element.clauses)
    if compiler.dialect.name == "sqlite":
        return f"{column} IN (SELECT value FROM json_each({ids}))"  # noqa: S608 - our own words
    return f"{column} = ANY({ids}::bigint[])"


def insert(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert rows. Columns without a value get their default."""
    full = _complete(table, rows)
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(_insert(table, tuple(full[0]), connection.dialect), _document(full))
    else:
        connection.execute(table.insert(), full)


def insert_numbered(connection: Connection, table: Table, rows: Sequence[Row]) -> list[int]:
    """Insert rows whose ids the database gives. Returns these, in the order of the rows."""
    full = _complete(table, rows)
    if connection.dialect.name != "postgresql":
        returned = table.insert().returning(table.c.id, sort_by_parameter_order=True)
        return list(connection.scalars(returned, full))
    sql = _insert(table, tuple(full[0]), connection.dialect, numbered=True)
    placed = [{**row, _PLACE: place} for place, row in enumerate(full)]
    return sorted(connection.exec_driver_sql(sql, _document(placed)).scalars())


def update(
    connection: Connection, table: Table, rows: Sequence[Row], by: tuple[str, ...] = ("id",), *, where: str = "TRUE"
) -> int:
    """Update the rows that have the same values in the columns `by`. All rows name the same columns. `where`: a further
    condition in SQL.

    Returns how many there are. A `version` in `by` is one higher afterwards.
    """
    names = tuple(name for name in rows[0] if name not in by)
    if connection.dialect.name == "postgresql":
        keys = {name: [row[name] for row in rows] for name in by}
        sql = f"{_update(table, names, by, connection.dialect)} AND {where}"
        return connection.exec_driver_sql(sql, {**_document(rows), **keys}).rowcount
    values: Row = {name: bindparam(f"to_{name}") for name in names}
    if "version" in by:
        values["version"] = table.c.version + 1
    meant = [table.c[name] == bindparam(f"by_{name}") for name in by]
    prefixed = [{f"{'by' if name in by else 'to'}_{name}": value for name, value in row.items()} for row in rows]
    return connection.execute(table.update().where(*meant, text(where)).values(values), prefixed).rowcount


def _complete(table: Table, rows: Sequence[Row]) -> list[Row]:
    """The rows with the same columns: those that any of them has, and those with a default of this program."""
    given = {name for row in rows for name in row}
    blank = {name: value for name, value in defaults(table).items() if name in given or value is not None}
    return [{**blank, **row} for row in rows]


@lru_cache
def defaults(table: Table) -> Row:
    """What this program gives the columns without a value."""
    given = {one.name: one.default for one in table.columns}
    return {name: value.arg if isinstance(value, ScalarElementColumnDefault) else None for name, value in given.items()}


def _document(rows: Sequence[Row]) -> Row:
    return {"rows": json.dumps(rows, default=_text)}


def _text(value: object) -> str:
    if isinstance(value, date):  # also a time
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no form in JSON")


@lru_cache
def _insert(table: Table, names: tuple[str, ...], dialect: Dialect, *, numbered: bool = False) -> str:
    listed = ", ".join(names)
    after = (f" ORDER BY {_PLACE}", " RETURNING id") if numbered else ("", "")
    return f"INSERT INTO {table.name} ({listed}) SELECT {listed} FROM {_rows(table, names, dialect)}{''.join(after)}"  # noqa: S608 - our own words


@lru_cache
def _update(table: Table, names: tuple[str, ...], by: tuple[str, ...], dialect: Dialect) -> str:
    changes = [f"{name} = r.{name}" for name in names]
    if "version" in by:
        changes.append(f"version = {table.name}.version + 1")
    # The second condition lets PostgreSQL expect few rows, and use the index.
    meant = " AND ".join(f"{_one(table, name)} = r.{name} AND {_one(table, name)} = ANY(%({name})s)" for name in by)
    rows = _rows(table, (*by, *names), dialect)
    return f"UPDATE {table.name} SET {', '.join(changes)} FROM {rows} WHERE {meant}"  # noqa: S608 - our own words


def _one(table: Table, name: str) -> str:
    return f"{table.name}.{name}"


def _rows(table: Table, names: Sequence[str], dialect: Dialect) -> str:
    """The rows of the JSON value, as a table."""
    typed = [f"{name} {table.c[name].type.compile(dialect)}" for name in names]
    return f"json_to_recordset(%(rows)s::json) AS r({', '.join(typed)}, {_PLACE} integer)"
