"""Every CHECK and every unique index refuses the row that breaks it, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from enum import Enum
from typing import Any

import pytest
from sqlalchemy import CheckConstraint, Connection, Index, Table, TypeDecorator, UniqueConstraint, create_engine, text
from sqlalchemy.exc import IntegrityError

import csctl.models  # noqa: F401 - the tables
from csctl.models.columns import Base
from tests.models.rows import BROKEN, FITTING, VALID

pytestmark = pytest.mark.both_databases

TABLES = Base.metadata.tables


def checks() -> list[str]:
    return sorted(
        str(rule.name) for table in TABLES.values() for rule in table.constraints if isinstance(rule, CheckConstraint)
    )


def uniques() -> dict[str, tuple[Table, list[str]]]:
    """Each unique constraint or index with its columns."""
    found = {}
    for table in TABLES.values():
        rules: list[UniqueConstraint | Index] = [c for c in table.constraints if isinstance(c, UniqueConstraint)]
        rules += [index for index in table.indexes if index.unique]
        for rule in rules:
            found[str(rule.name)] = (table, [column.name for column in rule.columns])
    return found


@pytest.mark.parametrize("name", checks())
def test_a_check_refuses_the_row_that_breaks_it(name: str, database_url: str) -> None:
    table = next(t for t in TABLES.values() if any(c.name == name for c in t.constraints))
    assert name in BROKEN, f"tests/models/rows.py names no row that breaks {name}"

    with unguarded(database_url) as connection:
        insert(connection, table, {})
        if not applies(table, name, connection):
            return
        with pytest.raises(IntegrityError, match=name):
            insert(connection, table, BROKEN[name])


@pytest.mark.parametrize("name", sorted(uniques()))
def test_a_unique_index_refuses_the_second_row(name: str, database_url: str) -> None:
    table, columns = uniques()[name]
    same = {column: FITTING.get(name, {}).get(column, sample(table, column, 7)) for column in columns}
    row = {**FITTING.get(name, {}), **same}

    with unguarded(database_url) as connection:
        insert(connection, table, row)
        with pytest.raises(IntegrityError):
            insert(connection, table, row)


def applies(table: Table, name: str, connection: Connection) -> bool:
    """Whether this database has the rule at all: some are for one of them alone."""
    rule = next(c for c in table.constraints if c.name == name)
    only = rule._ddl_if
    return only is None or only.dialect == connection.dialect.name


@contextmanager
def unguarded(url: str) -> Iterator[Connection]:
    """A connection on which neither foreign keys nor triggers answer: the constraint in question alone."""
    engine = create_engine(url)
    sqlite = engine.dialect.name == "sqlite"
    with engine.connect() as connection:
        if sqlite:
            names = connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).scalars().all()
            for name in names:
                connection.execute(text(f"DROP TRIGGER {name}"))
        else:
            connection.execute(text("SET session_replication_role = replica"))
        for table in reversed(Base.metadata.sorted_tables):
            connection.execute(table.delete())
        connection.commit()
        yield connection
    engine.dispose()


_count = iter(range(1000, 1_000_000))


def insert(connection: Connection, table: Table, values: dict[str, Any]) -> None:
    """A row that every constraint allows, but for `values`."""
    number = next(_count)
    row = {column.name: sample(table, column.name, number) for column in table.columns if needed(table, column.name)}
    row |= VALID.get(table.name, {}) | values
    names = ", ".join(f'"{name}"' for name in row)
    with connection.begin_nested() if connection.in_transaction() else connection.begin():
        connection.execute(
            text(f"INSERT INTO {table.name} ({names}) VALUES ({', '.join(f':{name}' for name in row)})"),  # noqa: S608
            {name: value.isoformat() if isinstance(value, date) else value for name, value in row.items()},
        )


def needed(table: Table, column: str) -> bool:
    found = table.columns[column]
    return not found.nullable and found.server_default is None


def sample(table: Table, column: str, number: int) -> Any:
    """A value of the column's type; other numbers give other values."""
    kind = table.columns[column].type
    if enum := getattr(kind, "enum_class", None):
        first = next(iter(enum))
        return first.value if isinstance(first, Enum) else first
    python = (kind.impl_instance if isinstance(kind, TypeDecorator) else kind).python_type
    if python is str:
        length = getattr(kind, "length", None)
        return "USD" if length == 3 else f"v{number}"[: length or 20]
    if python is bool:
        return False
    if python is datetime:
        return datetime.fromisoformat("2026-01-01T00:00:00+00:00")
    if python is date:
        return date(2026, 1, 1)
    return number if python is int else "{}"
