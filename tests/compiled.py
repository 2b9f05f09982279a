"""What is compiled once for all that csctl does in this process: SQL statements, and the templates of emails.

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


def share(patch: pytest.MonkeyPatch) -> None:
    """Do this once for each process."""
    _share_statements(patch)
    _share_templates(patch)


def _share_statements(patch: pytest.MonkeyPatch) -> None:
    models: dict[str, Engine] = {}  # by dialect: the first engine that has connected

    def create_engine(*arguments: Any, **options: Any) -> Engine:
        engine: Engine = sqlalchemy.create_engine(*arguments, **options)
        own = engine.dialect
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
