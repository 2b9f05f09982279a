"""Databases of PostgreSQL for one test after the other: what a test did to its rows is undone, and the next takes it.

A new database copies some 8 MB of files; to empty the tables of one that is there takes a tenth of that time.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

import psycopg
from psycopg.sql import SQL, Composable, Identifier, Literal

from tests import sessions
from tests.postgres import Server

# What makes a schema, and the statistics of its tables. A change of it has a new transaction number, or another number
# of rows.
_CATALOGS = """
    pg_class pg_attribute pg_attrdef pg_constraint pg_index pg_trigger pg_proc pg_type pg_namespace pg_depend
    pg_default_acl pg_extension pg_policy pg_rewrite pg_statistic
"""


@dataclass(frozen=True)
class _State:
    """A database as the template has it: its schema, its rows by table, and where its sequences stand."""

    schema: tuple[int, ...]
    rows: dict[str, bytes]
    sequences: list[tuple[str, int, bool]]


@dataclass
class Databases:
    """Databases that are copies of a template, those of one worker."""

    server: Server
    template: str
    prefix: str
    _free: list[str] = field(default_factory=list)
    _cleaners: dict[str, psycopg.Connection] = field(default_factory=dict)  # by database, open until it is removed
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def take(self) -> str:
        """The name of one that is not in use."""
        if self._free:
            return self._free.pop()
        name = f"{self.prefix}_{next(self._numbers)}"
        self.server.run(f"CREATE DATABASE {name} TEMPLATE {self.template} STRATEGY FILE_COPY")
        sessions.keep(str(self.server.directory), name)
        return name

    def give_back(self, name: str) -> None:
        """Make it as it was. One whose schema was changed is removed."""
        if self._is_reset(name):
            self._free.append(name)
        else:
            sessions.give_up(str(self.server.directory), name)
            if name in self._cleaners:
                self._cleaners.pop(name).close()
            self.server.run(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def close(self) -> None:
        """Close what is open to them."""
        for connection in self._cleaners.values():
            connection.close()
        self._cleaners.clear()

    def _is_reset(self, name: str) -> bool:
        state = self._state
        try:
            if name not in self._cleaners:
                self._cleaners[name] = self._connected(name)
            connection = self._cleaners[name]
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid() AND pid <> ALL(%s)",
                [sessions.idle()],
            )
            if _schema(connection) != state.schema:
                return False
            _empty(connection, state)
        except psycopg.OperationalError:  # it was renamed or removed, or a session holds a lock
            return False
        return True

    @cached_property
    def _state(self) -> _State:
        with self._connected(self.template) as connection:
            tables = [
                name for (name,) in connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
            ]
            sequences = connection.execute(
                "SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = 'public'"
            )
            return _State(
                _schema(connection),
                {name: _copied(connection, name) for name in sorted(tables)},
                [(name, last or 1, last is not None) for name, last in sequences],
            )

    def _connected(self, name: str) -> psycopg.Connection:
        return psycopg.connect(f"host={self.server.directory} user=csctl dbname={name}", autocommit=True)


def _schema(connection: psycopg.Connection) -> tuple[int, ...]:
    parts = [
        SQL("(SELECT coalesce(max(xmin::text::bigint), 0) + count(*) FROM {})").format(Identifier(name))
        for name in _CATALOGS.split()
    ]
    settings = SQL("(SELECT count(*) FROM pg_db_role_setting WHERE setdatabase = d.oid), (d.datacl IS NULL)::int")
    own = SQL("SELECT {} FROM pg_database d WHERE d.datname = current_database()")
    row = connection.execute(own.format(SQL(", ").join([*parts, settings]))).fetchone()
    assert row
    return row


def _copied(connection: psycopg.Connection, table: str) -> bytes:
    with connection.cursor().copy(SQL("COPY {} TO STDOUT").format(Identifier(table))) as copy:
        return b"".join(copy)


def _empty(connection: psycopg.Connection, state: _State) -> None:
    """Put the rows back, past triggers and foreign keys."""
    parts: list[Composable] = [
        SQL("SET LOCAL lock_timeout = '5s'"),
        SQL("SET LOCAL session_replication_role = replica"),
    ]
    parts += [SQL("DELETE FROM {}").format(Identifier(table)) for table in state.rows]
    parts += [
        SQL("SELECT setval({}, {}, {})").format(Literal(f'"{name}"'), Literal(last), Literal(called))
        for name, last, called in state.sequences
    ]
    with connection.transaction():
        connection.execute(SQL("; ").join(parts))
        for table, rows in state.rows.items():
            if rows:
                with connection.cursor().copy(SQL("COPY {} FROM STDIN").format(Identifier(table))) as copy:
                    copy.write(rows)
