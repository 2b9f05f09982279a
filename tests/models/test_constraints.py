"""Every CHECK and every unique index refuses the row that breaks it, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import date, datetime
from enum import Enum
from typing import Any

import pytest
from sqlalchemy import (
    CheckConstraint,
    Connection,
    Engine,
    Index,
    Table,
    TypeDecorator,
    UniqueConstraint,
    create_engine,
    event,
    text,
)
from sqlalchemy.exc import IntegrityError

import csctl.models  # noqa: F401 - the tables
from csctl.models.columns import Base
from tests.databases import Template
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


def test_each_check_refuses_the_row_that_breaks_it(unguarded: Connection) -> None:
    assert set(checks()) <= set(BROKEN), "tests/models/rows.py names no row that breaks it"

    for table in TABLES.values():
        insert(unguarded, table, {})
        for rule in table.constraints:
            if isinstance(rule, CheckConstraint) and applies(table, str(rule.name), unguarded):
                with pytest.raises(IntegrityError, match=str(rule.name)):
                    insert(unguarded, table, BROKEN[str(rule.name)])


def test_each_unique_index_refuses_the_second_row(unguarded: Connection) -> None:
    for name, (table, columns) in uniques().items():
        same = {column: FITTING.get(name, {}).get(column, sample(table, column, 7)) for column in columns}
        row = {**FITTING.get(name, {}), **same}

        insert(unguarded, table, row)
        with pytest.raises(IntegrityError):
            insert(unguarded, table, row)


def applies(table: Table, name: str, connection: Connection) -> bool:
    """Whether this database has the rule at all: some are for one of them alone."""
    rule = next(c for c in table.constraints if c.name == name)
    only = rule._ddl_if
    return only is None or only.dialect == connection.dialect.name


@pytest.fixture(scope="module")
def opened() -> Iterator[tuple[dict[str, Engine], ExitStack]]:
    """One database of each kind for all tests of this module: each test is rolled back."""
    with ExitStack() as stack:
        yield {}, stack


@pytest.fixture
def unguarded(
    backend: str,
    template: Template,
    opened: tuple[dict[str, Engine], ExitStack],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Connection]:
    """A connection on which neither foreign keys nor triggers answer: the constraint in question alone."""
    engines, stack = opened
    if backend not in engines:
        url = stack.enter_context(template.copied(tmp_path_factory.mktemp("constraints")))
        engines[backend] = engine = create_engine(url)
        stack.callback(engine.dispose)
        if backend == "sqlite":
            # Else the driver begins no transaction before a savepoint.
            event.listen(engine, "connect", lambda dbapi, _record: setattr(dbapi, "isolation_level", None))
            event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
        with engine.begin() as connection:
            empty(connection)
    with engines[backend].connect() as connection:
        if backend == "postgresql":
            connection.exec_driver_sql("SET session_replication_role = replica")
        yield connection
        connection.rollback()


def empty(connection: Connection) -> None:
    if connection.dialect.name == "sqlite":
        names = connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).scalars().all()
        for name in names:
            connection.execute(text(f"DROP TRIGGER {name}"))
    else:
        connection.exec_driver_sql("SET session_replication_role = replica")
    for table in reversed(Base.metadata.sorted_tables):
        connection.execute(table.delete())


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
