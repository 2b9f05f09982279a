"""SQLAlchemy compiles a statement once for each dialect, and every csctl that runs in this process makes its own.

`share_what_is_compiled` gives the engines that are made after it one dialect and one cache of compiled statements for
each kind of database. Each engine keeps its own URL and its own connections, so nothing passes from one database to
another.
"""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy
from sqlalchemy import Engine
from sqlalchemy.engine import Connection

from csctl import database


def share_what_is_compiled(patch: pytest.MonkeyPatch) -> None:
    """Do this once for each process of the tests."""
    models: dict[str, Engine] = {}  # by dialect: the first engine that has connected
    create = sqlalchemy.create_engine

    def create_engine(*arguments: Any, **options: Any) -> Engine:
        engine: Engine = create(*arguments, **options)
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
