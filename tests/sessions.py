"""Sessions of PostgreSQL that the next csctl in this process takes over, as it would from a pooler.

A new session costs the server more than most of what a test asks of it: a process, and the catalogs that it reads
first. So what csctl closes in a test's own database is made as new (DISCARD ALL) and kept for the next csctl that
connects there in the same way. Processes of csctl, and other databases, get sessions of their own.
"""

from __future__ import annotations

import itertools
import os
from collections import defaultdict
from collections.abc import Mapping
from typing import Any
from weakref import WeakKeyDictionary

import psycopg
from psycopg.pq import TransactionStatus
from sqlalchemy import Engine, event

# How a session was asked for: the parameters, and the variables that the library reads.
_Way = tuple[tuple[str, str], ...]
_idle: dict[_Way, list[psycopg.Connection]] = defaultdict(list)
_ways: WeakKeyDictionary[psycopg.Connection, _Way] = WeakKeyDictionary()
_databases: set[tuple[str, str]] = set()  # those of tests, by server and name

_numbers = itertools.count()


def keep(server: str, database: str) -> None:
    """Keep the sessions of this database."""
    _databases.add((server, database))


def give_up(server: str, database: str) -> None:
    """Close the sessions of this database, and keep no more."""
    _databases.discard((server, database))
    for way in [*_idle]:
        if ("dbname", database) in way:
            for connection in _idle.pop(way):
                connection.close()


def close() -> None:
    """Close all that are kept."""
    for server, database in [*_databases]:
        give_up(server, database)


def idle() -> list[int]:
    """The process ids of the sessions that are kept and not in use."""
    return [connection.info.backend_pid for kept in _idle.values() for connection in kept]


def share(engine: Engine) -> None:
    """Have this engine take sessions from here, and leave them."""
    event.listen(engine, "do_connect", _take)
    engine.dialect.do_close = _leave  # type: ignore[assignment, method-assign]


def _take(
    _dialect: Any, _record: Any, arguments: list[Any], parameters: Mapping[str, Any]
) -> psycopg.Connection | None:
    if arguments or (parameters.get("host"), parameters.get("dbname")) not in _databases:
        return None
    written = ((name, value) for name, value in parameters.items() if isinstance(value, str))
    way = (*written, *_of_environment())
    while _idle[way]:
        connection = _idle[way].pop()
        if _is_alive(connection):
            return connection
    made = psycopg.connect(**parameters)
    _ways[made] = way
    return made


def _of_environment() -> list[tuple[str, str]]:
    return [(name, value) for name, value in sorted(os.environ.items()) if name.startswith("PG")]


def _leave(connection: psycopg.Connection) -> None:
    way = _ways.get(connection)
    if way and connection.info.transaction_status == TransactionStatus.IDLE and _is_as_new(connection):
        _idle[way].append(connection)
    else:
        connection.close()


def _is_alive(connection: psycopg.Connection) -> bool:
    return _can(connection, f"SELECT {next(_numbers)}")


def _is_as_new(connection: psycopg.Connection) -> bool:
    # The driver sees the answer and forgets what it has prepared. It would prepare this, too, if it came often.
    return _can(connection, f"DISCARD ALL -- {next(_numbers)}")


def _can(connection: psycopg.Connection, statement: str) -> bool:
    """Carry it out outside of a transaction, with the settings of a new connection."""
    connection.isolation_level = connection.read_only = None
    connection.prepare_threshold = 5
    connection.autocommit = True
    try:
        connection.execute(statement.encode())
    except psycopg.OperationalError:  # the server has ended it
        connection.close()
        return False
    connection.autocommit = False
    return True
