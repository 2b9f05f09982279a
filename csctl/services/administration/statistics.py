"""Statistics of SQLite: without them it chooses an index by rules of thumb, and may walk through all orders of a status
to find those of one customer. PostgreSQL collects them by itself.
"""

from __future__ import annotations

from contextlib import suppress

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from csctl import database

# Of a smaller table they are not collected: with them, SQLite would not use its indexes when it has grown.
_LARGE = 1_000
# Rows of each index. SQLite takes a value for no more frequent than that: with few of them, an index by state looks
# better than it is. Of a million customers, this takes 0.05 seconds.
_SAMPLES = 10_000
_TABLES = (
    "customers",
    "payment_methods",
    "orders",
    "purchases",
    "transactions",
    "fulfillments",
    "refund_queue",
    "history",
)


def collect(engine: Engine) -> None:
    """Collect the statistics of tables that have doubled since. Skipped where another process writes just then."""
    if engine.dialect.name != "sqlite":
        return
    with suppress(DBAPIError), database.hastily(engine) as connection:
        known = _known(connection)
        grown = [table for table in _TABLES if _rows(connection, table) > max(_LARGE, 2 * known.get(table, 0))]
        if grown:
            connection.exec_driver_sql(f"PRAGMA analysis_limit={_SAMPLES}")
        for table in grown:
            connection.exec_driver_sql(f"ANALYZE {table}")


def _known(connection: Connection) -> dict[str, int]:
    """The rows that each table had."""
    if not connection.scalar(text("SELECT 1 FROM sqlite_master WHERE name = 'sqlite_stat1'")):
        return {}
    found = connection.execute(text("SELECT tbl, stat FROM sqlite_stat1"))
    return {table: int(stat.split(" ")[0]) for table, stat in found}


def _rows(connection: Connection, table: str) -> int:
    return connection.scalar(text(f"SELECT max(id) FROM {table}")) or 0  # noqa: S608 - our own names
