"""csctl, cut off from PostgreSQL just after it has committed: `python cut_off.py STATEMENT N csctl's words…`.

The Nth transaction with a statement that begins so is committed, and the connection is lost before csctl hears of it.
"""

from __future__ import annotations

import importlib.metadata
import os
import socket
import sys
from typing import Any

import psycopg
from sqlalchemy import Engine, event

_statement, _left = sys.argv[1], int(sys.argv[2])
_marked: set[int] = set()
_commit = psycopg.Connection.commit


@event.listens_for(Engine, "before_cursor_execute")
def mark(connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
    if statement.startswith(_statement):
        _marked.add(id(connection.connection.dbapi_connection))


def commit(connection: psycopg.Connection[Any]) -> None:
    global _left  # noqa: PLW0603 - this program is one counter
    _commit(connection)
    if id(connection) not in _marked:
        return
    _marked.discard(id(connection))
    _left -= 1
    if _left == 0:
        with socket.socket(fileno=os.dup(connection.fileno())) as line:
            line.shutdown(socket.SHUT_RDWR)
        connection.execute("SELECT 1")  # says so, as a commit would


psycopg.Connection.commit = commit  # type: ignore[assignment, method-assign]
sys.argv = ["csctl", *sys.argv[3:]]
next(iter(importlib.metadata.entry_points(group="console_scripts", name="csctl"))).load()()
