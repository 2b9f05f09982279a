"""What is worked out once for all that csctl does in this process: SQL statements, the templates of emails, schemas.

Every csctl that runs here makes its own engine, and SQLAlchemy compiles for each dialect again what it executes.
`share` gives the engines that are made after it one dialect and one cache of compiled statements for each kind of
database. Each engine keeps its own URL and its own connections, so nothing passes from one database to another.
"""

from __future__ import annotations

from typing import Any

import jinja2
import pytest
import sqlalchemy
from jinja2.sandbox import ImmutableSandboxedEnvironment
from sqlalchemy import Engine
from sqlalchemy.engine import Connection

from csctl import database
from csctl.services.health import schema
from tests import sessions


def share(patch: pytest.MonkeyPatch, *, with_sessions: bool = False) -> None:
    """Do this once for each process. One that forks shares no sessions."""
    _share_statements(patch, with_sessions=with_sessions)
    _share_templates(patch)
    _share_schemas(patch)


def _share_statements(patch: pytest.MonkeyPatch, *, with_sessions: bool) -> None:
    models: dict[str, Engine] = {}  # by dialect: the first engine that has connected

    def create_engine(*arguments: Any, **options: Any) -> Engine:
        engine: Engine = sqlalchemy.create_engine(*arguments, **options)
        own = engine.dialect
        if with_sessions and own.name == "postgresql":
            sessions.share(engine)
        model = models.get(own.name)
        if model:
            engine.dialect = engine.pool._dialect = model.dialect
            engine._compiled_cache = model._compiled_cache

        def initialize(connection: Connection) -> None:
            """Ask the server what it can do, unless another engine has asked."""
            if not model:
                type(own).initialize(own, connection)
                models.setdefault(own.name, engine)

        own.initialize = initialize  # type: ignore[method-assign]
        return engine

    patch.setattr(database, "create_engine", create_engine)


def _share_templates(patch: pytest.MonkeyPatch) -> None:
    compiled: dict[tuple[Any, ...], Any] = {}
    compile_ = ImmutableSandboxedEnvironment.compile

    def compile_once(environment: jinja2.Environment, *source: Any) -> Any:
        """The code of a template: csctl makes all environments alike. An error is raised each time."""
        if source not in compiled:
            compiled[source] = compile_(environment, *source)
        return compiled[source]

    patch.setattr(ImmutableSandboxedEnvironment, "compile", compile_once)


def _share_schemas(patch: pytest.MonkeyPatch) -> None:
    """What `db check` reads from a database depends on its SQL alone, and what it compares it with never changes."""
    read: dict[tuple[Any, ...], schema.Parts] = {}
    parts_of_sqlite, reference = schema._parts_of_sqlite, schema._postgresql_reference

    def parts_once(connection: Connection) -> schema.Parts:
        key = tuple(connection.exec_driver_sql("SELECT sql FROM sqlite_master ORDER BY name").scalars())
        if key not in read:
            read[key] = parts_of_sqlite(connection)
        return read[key]

    def reference_once(connection: Connection) -> schema.Parts:
        if ("postgresql",) not in read:
            read["postgresql",] = reference(connection)
        return read["postgresql",]

    patch.setattr(schema, "_parts_of_sqlite", parts_once)
    patch.setattr(schema, "_postgresql_reference", reference_once)
