"""Databases for the tests that lack one guard, for the mutants that drop one."""

from __future__ import annotations

import os

from sqlalchemy import Engine, text

VARIABLE = "TESTS_WITHOUT"  # such as "check transactions ck_transactions_amount"


def drop_named(engine: Engine) -> None:
    """Drop the guard that the environment names, if it names one."""
    if wanted := os.environ.get(VARIABLE):
        kind, table, name = wanted.split()
        _drop(engine, kind, table, name)


def _drop(engine: Engine, kind: str, table: str, name: str) -> None:
    from alembic.migration import MigrationContext
    from alembic.operations import Operations

    kind, _, dialect = kind.partition("-")
    if dialect and dialect != engine.dialect.name:
        return
    with engine.begin() as connection:
        if kind == "trigger":
            on = f" ON {table}" if engine.dialect.name == "postgresql" else ""
            connection.execute(text(f"DROP TRIGGER {name}{on}"))
        elif kind == "index":
            connection.execute(text(f"DROP INDEX {name}"))
        elif engine.dialect.name == "postgresql":
            connection.execute(text(f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {name}"))
        else:
            with Operations(MigrationContext.configure(connection)).batch_alter_table(table) as batch:
                batch.drop_constraint(name, type_=kind)
