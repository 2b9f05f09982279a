"""Compare the schema of a database with the models: columns, constraints, indexes and triggers.

The reference is created from the models in the same database system, so that both definitions have the same form: in
memory on SQLite, as temporary tables on PostgreSQL, in a transaction that is rolled back.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import NamedTuple

from sqlalchemy import Connection, create_engine, inspect, text
from sqlalchemy.schema import AddConstraint, CreateIndex, CreateTable

from csctl.app import App
from csctl.models import Base
from csctl.services.administration import triggers
from csctl.services.health.finding import Finding

_COLUMN, _CHECK, _UNIQUE, _FOREIGN, _INDEX = "column", "check", "unique", "foreign key", "index"
_UNIQUE_INDEX = "unique index"


class Part(NamedTuple):
    """One part of a table by kind and name."""

    table: str
    kind: str
    name: str


Parts = Mapping[Part, str]  # with its definition, in the words of the database


def findings(app: App) -> list[Finding]:
    """Differences between the schema of the database and csctl's."""
    with app.write(dry_run=True) as session:  # temporary tables need a transaction that may write
        return differences(session.connection())


def differences(connection: Connection) -> list[Finding]:
    """Each part of the schema that is missing, differs, or is not csctl's. Additional plain indexes are allowed.

    To be called in a transaction that is rolled back.
    """
    there, broken = parts_of(connection), list(triggers.differences(connection))
    wanted = _sqlite_reference() if connection.dialect.name == "sqlite" else _postgresql_reference(connection)
    return [*_compared(wanted, there), *(Finding("trigger", name, problem) for name, problem in broken)]


def _compared(wanted: Parts, there: Parts) -> Iterator[Finding]:
    for part, definition in wanted.items():
        if part not in there:
            yield Finding("schema", part.table, f"the {part.kind} {part.name} is missing")
        elif there[part] != definition:
            found = f"the {part.kind} {part.name} is {there[part]}, and should be {definition}"
            yield Finding("schema", part.table, found)
    tables = {part.table for part in wanted}
    for part in there.keys() - wanted.keys():
        if part.table in tables and part.kind != _INDEX:
            yield Finding("schema", part.table, f"the {part.kind} {part.name} is not part of csctl's schema")


def parts_of(connection: Connection) -> Parts:
    """The parts of all tables of a database."""
    if connection.dialect.name == "sqlite":
        return _parts_of_sqlite(connection)
    return _parts_of_postgresql(connection, connection.scalar(text("SELECT current_schema()")) or "")


# -- SQLite

_SQLITE_COLUMNS = """
    SELECT m.name AS "table", c.name, c.type, c."notnull", c.pk FROM sqlite_master m
    JOIN pragma_table_info(m.name) c WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%'
"""
_SQLITE_INDEXES = "SELECT tbl_name, name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"


def _parts_of_sqlite(connection: Connection) -> Parts:
    found: dict[Part, str] = {}
    for table, name, type_, notnull, pk in connection.execute(text(_SQLITE_COLUMNS)):
        rest = f"{' NOT NULL' if notnull else ''}{' PRIMARY KEY' if pk else ''}"
        found[Part(table, _COLUMN, name)] = f"{type_.upper()}{rest}"
    for table, name, sql in connection.execute(text(_SQLITE_INDEXES)):
        definition = _plain(sql)
        found[Part(table, _UNIQUE_INDEX if definition.startswith("create unique") else _INDEX, name)] = definition
    inspector = inspect(connection)
    for table in {part.table for part in found}:
        for check in inspector.get_check_constraints(table):
            found[Part(table, _CHECK, _once(table, str(check["name"])))] = _plain(check["sqltext"])
        for unique in inspector.get_unique_constraints(table):
            columns = ", ".join(unique["column_names"])
            found[Part(table, _UNIQUE, f"({columns})")] = columns
        for key in inspector.get_foreign_keys(table):
            columns = ", ".join(key["constrained_columns"])
            refers = f"{key['referred_table']}({', '.join(key['referred_columns'])})"
            found[Part(table, _FOREIGN, f"({columns})")] = refers
    return found


def _once(table: str, name: str) -> str:
    """The name of a check: the first migrations gave some the prefix of the naming convention twice."""
    return name.replace(f"ck_{table}_ck_{table}_", f"ck_{table}_")


def _plain(sql: str) -> str:
    """SQL without irrelevant differences: line breaks, quotes of names, case."""
    spaced = re.sub(r"\s*([(),])\s*", r"\1", " ".join(sql.replace('"', "").split()))
    return spaced.lower()


@cache
def _sqlite_reference() -> Parts:
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        Base.metadata.create_all(connection)
        found = _parts_of_sqlite(connection)
    engine.dispose()
    return found


# -- PostgreSQL

_POSTGRESQL = """
    SELECT c.relname AS "table", 'column' AS kind, a.attname AS name,
        format_type(a.atttypid, a.atttypmod) || CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END AS definition
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
    WHERE c.relkind = 'r' AND c.relnamespace = to_regnamespace(:schema) AND a.attnum > 0 AND NOT a.attisdropped
    UNION ALL
    SELECT c.relname, CASE o.contype WHEN 'c' THEN 'check' WHEN 'u' THEN 'unique' WHEN 'p' THEN 'primary key'
            WHEN 'f' THEN 'foreign key' ELSE o.contype::text END, o.conname,
        pg_get_constraintdef(o.oid)
    FROM pg_constraint o JOIN pg_class c ON c.oid = o.conrelid
    WHERE c.relnamespace = to_regnamespace(:schema) AND o.contype NOT IN ('n', 't')
    UNION ALL
    SELECT c.relname, CASE WHEN i.indisunique THEN 'unique index' ELSE 'index' END, x.relname,
        pg_get_indexdef(i.indexrelid) || CASE WHEN i.indisvalid THEN '' ELSE ' (not valid)' END
    FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_class x ON x.oid = i.indexrelid
    WHERE c.relnamespace = to_regnamespace(:schema)
        AND NOT EXISTS (SELECT FROM pg_constraint o WHERE o.conindid = i.indexrelid AND o.contype IN ('p', 'u', 'x'))
""".replace("::", r"\:\:")

_CAST_WORD = re.compile(r"\(('[^']*'::character varying)\)::text")
_CAST_LIST = re.compile(r"\((ARRAY\[[^]]*\])\)::text\[\]")
_TERM = r"\((?:[^()]|\([^()]*\))*\)"
_FIRST_AND = re.compile(rf"(?<=\()\(({_TERM}(?: AND {_TERM})+)\)(?= AND )")  # ((a AND b) AND c)


def _parts_of_postgresql(connection: Connection, schema: str) -> Parts:
    qualified = re.compile(rf'(\b{re.escape(schema)}|"{re.escape(schema)}"|\bpg_temp(_\d+)?)\.')
    rows = connection.execute(text(_POSTGRESQL), {"schema": schema})
    return {
        Part(row.table, row.kind, _once(row.table, row.name)): _as_created(qualified.sub("", row.definition))
        for row in rows
    }


def _as_created(definition: str) -> str:
    """A definition without what PostgreSQL writes in another way after pg_restore: the casts of lists of words, and the
    parentheses of an AND that begins another one.
    """
    return _FIRST_AND.sub(r"\1", _CAST_LIST.sub(r"\1", _CAST_WORD.sub(r"\1", definition)))


def _postgresql_reference(connection: Connection) -> Parts:
    """The same parts from temporary tables, created from the models."""
    temporary = connection.execution_options(schema_translate_map={None: "pg_temp"})
    # Not by `create_all`: it would skip the keys that close a circle between tables.
    late = [key for table in Base.metadata.sorted_tables for key in table.foreign_key_constraints if key.use_alter]
    for table in Base.metadata.sorted_tables:
        keys = [key for key in table.foreign_key_constraints if not key.use_alter]
        temporary.execute(CreateTable(table, include_foreign_key_constraints=keys))
        for index in table.indexes:
            temporary.execute(CreateIndex(index))
    for key in late:
        temporary.execute(AddConstraint(key, isolate_from_table=False))
    schema = connection.scalar(text(r"SELECT nspname FROM pg_namespace WHERE oid = pg_my_temp_schema()"))
    return _parts_of_postgresql(connection, str(schema))
