"""csctl whose PostgreSQL is gone: `shop.start(words, before=gone.after(STATEMENT, N, SECONDS))`.

After the Nth commit with a statement that begins so, no connection works and none can be made, for so many seconds.
csctl waits a tenth of its usual time for the database to come back: what takes twelve seconds elsewhere takes one here.
"""

from __future__ import annotations

import os
import socket
import time
from typing import Any

import psycopg
from sqlalchemy import Engine, event

from csctl import database
from csctl.services.payments import engine

_statement, _left, _seconds, _back_at = "", 0, 0.0, 0.0
_marked: set[int] = set()
_commit, _connect = psycopg.Connection.commit, psycopg.connect
FOR_EVER = 3600


def after(statement: str, number: int, seconds: float) -> tuple[str, ...]:
    """For `before` of a process: its database is gone after this many commits of such statements."""
    return __name__, "gone", statement, str(number), str(seconds)


def gone(statement: str, number: str, seconds: str) -> None:
    """Have the database of this process disappear."""
    global _statement, _left, _seconds
    _statement, _left, _seconds = statement, int(number), float(seconds)
    database._ACKNOWLEDGED_WITHIN = _a_tenth(database._ACKNOWLEDGED_WITHIN)
    engine._PATIENCE = _a_tenth(engine._PATIENCE)
    event.listen(Engine, "before_cursor_execute", watch)
    psycopg.Connection.commit = commit  # type: ignore[assignment, method-assign]
    psycopg.connect = connect


def _a_tenth(pauses: tuple[float, ...]) -> tuple[float, ...]:
    return tuple(pause / 10 for pause in pauses)


def watch(connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
    driver = connection.connection.dbapi_connection
    if statement.startswith(_statement):
        _marked.add(id(driver))
    if time.monotonic() < _back_at and not driver.closed:
        with socket.socket(fileno=os.dup(driver.fileno())) as line:
            line.shutdown(socket.SHUT_RDWR)


def commit(connection: psycopg.Connection[Any]) -> None:
    global _left, _back_at  # noqa: PLW0603 - this process counts to one number
    _commit(connection)
    if id(connection) in _marked:
        _marked.discard(id(connection))
        _left -= 1
        if _left == 0:
            _back_at = time.monotonic() + _seconds


def connect(*args: Any, **options: Any) -> Any:
    if time.monotonic() < _back_at:
        raise psycopg.OperationalError("connection refused")
    return _connect(*args, **options)
