"""Add and drop CHECK constraints in migrations. SQLite cannot change those of a table: it is created again.

from csctl.schema_checks import Checks, add_checks, drop_checks

CHECKS: Checks = {"orders": {"ck_orders_status_word": "status IN ('pending', 'complete')"}}
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial

from sqlalchemy import Connection, text

from csctl.errors import Conflict

Checks = Mapping[str, Mapping[str, str]]  # table -> name -> condition


def add_checks(connection: Connection, checks: Checks) -> None:
    """Add the constraints. Raises Conflict, naming rows, if rows of a table violate one."""
    for table, conditions in checks.items():
        for condition in conditions.values():
            _refuse_broken(connection, table, condition)
        if connection.dialect.name == "sqlite":
            make_again(connection, table, partial(_with, _clauses(conditions)))
        else:
            for name, condition in conditions.items():
                connection.exec_driver_sql(f"ALTER TABLE {table} ADD CONSTRAINT {name} CHECK ({condition})")


def drop_checks(connection: Connection, checks: Checks) -> None:
    """Drop constraints that `add_checks` added with these conditions."""
    for table, conditions in checks.items():
        if connection.dialect.name == "sqlite":
            make_again(connection, table, partial(_without, _clauses(conditions)))
        else:
            for name in conditions:
                connection.exec_driver_sql(f"ALTER TABLE {table} DROP CONSTRAINT {name}")


def _refuse_broken(connection: Connection, table: str, condition: str) -> None:
    broken = connection.exec_driver_sql(f"SELECT * FROM {table} WHERE NOT ({condition}) LIMIT 4").all()  # noqa: S608
    if broken:
        names = ", ".join(str(row[0]) for row in broken[:3]) + (", …" if len(broken) > 3 else "")
        raise Conflict(
            f"rows of the table {table} hold values that csctl does not accept",
            cause=f"id {names}: not {condition[:200]}",
            fix="correct them with SQL, then csctl db upgrade",
        )


def _clauses(conditions: Mapping[str, str]) -> list[str]:
    return [f", \n\tCONSTRAINT {name} CHECK ({condition})\n" for name, condition in conditions.items()]


def _with(clauses: list[str], sql: str) -> str:
    return f"{sql.rstrip().removesuffix(')')}{''.join(clauses)})"


def _without(clauses: list[str], sql: str) -> str:
    for clause in clauses:
        sql = sql.replace(clause, "")
    return sql


def make_again(connection: Connection, table: str, edit: Callable[[str], str]) -> None:
    """Copy a table of SQLite into one with the edited definition, with its indexes, triggers and numbering.

    Foreign keys are off during a migration, and are checked at its end.
    """
    made = "SELECT type, sql FROM sqlite_master WHERE tbl_name = :table AND sql IS NOT NULL"
    parts = connection.execute(text(made), {"table": table}).all()
    definition = edit(next(sql for kind, sql in parts if kind == "table"))
    columns = ", ".join(f'"{row[1]}"' for row in connection.exec_driver_sql(f"PRAGMA table_info({table})"))
    numbered = text("SELECT seq FROM sqlite_sequence WHERE name = :table")
    last = connection.scalar(numbered, {"table": table}) if "AUTOINCREMENT" in definition.upper() else None
    for statement in (
        re.sub(rf'^CREATE TABLE "?{table}"?', f"CREATE TABLE {table}_new", definition),
        f"INSERT INTO {table}_new ({columns}) SELECT {columns} FROM {table}",  # noqa: S608 - our own names
        f"DROP TABLE {table}",
        f"ALTER TABLE {table}_new RENAME TO {table}",
        *(sql for kind, sql in parts if kind in ("index", "trigger")),
    ):
        connection.exec_driver_sql(statement)
    if last is not None:
        connection.execute(text("DELETE FROM sqlite_sequence WHERE name = :table"), {"table": table})
        connection.execute(text("INSERT INTO sqlite_sequence VALUES (:table, :last)"), {"table": table, "last": last})
