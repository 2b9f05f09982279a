"""csctl, cut off from PostgreSQL just after it has committed: `shop.start(words, before=cut_off.at(STATEMENT, N))`.

The Nth transaction with a statement that begins so is committed, and the connection is lost before csctl hears of it.
"""

from __future__ import annotations

import os
import socket
from typing import Any

import psycopg
from sqlalchemy import Engine, event

_statement, _left = "", 0
_marked: set[int] = set()
_commit = psycopg.Connection.commit


def at(statement: str, number: int) -> tuple[str, ...]:
    """For `before` of a process: it is cut off after this many commits of such statements."""
    return __name__, "cut_off", statement, str(number)


def cut_off(statement: str, number: str) -> None:
    """Have this process cut off."""
    global _statement, _left
    _statement, _left = statement, int(number)
    event.listen(Engine, "before_cursor_execute", mark)
    psycopg.Connection.commit = commit  # type: ignore[assignment, method-assign]


def mark(connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
    if statement.startswith(_statement):
        _marked.add(id(connection.connection.dbapi_connection))


def commit(connection: psycopg.Connection[Any]) -> None:
    global _left  # noqa: PLW0603 - this process counts to one number
    _commit(connection)
    if id(connection) not in _marked:
        return
    _marked.discard(id(connection))
    _left -= 1
    if _left == 0:
        with socket.socket(fileno=os.dup(connection.fileno())) as line:
            line.shutdown(socket.SHUT_RDWR)
        connection.execute("SELECT 1")  # says so, as a commit would
