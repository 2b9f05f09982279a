"""Times that PostgreSQL can keep and Python cannot: no single one may stop every command that comes past it."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import psycopg
from psycopg.abc import Buffer
from psycopg.adapt import Loader

# Infinity, and years far beyond Python's, are read as the far future or past: in a year that can
# still be shown in every zone of the world, and counted from.
_LATEST, _EARLIEST = datetime(9000, 1, 1, tzinfo=UTC), datetime(1000, 1, 1, tzinfo=UTC)


class _Moment(Loader):
    """The driver's own way to read a time, and what is left to do where that gives up."""

    name = "timestamptz"
    latest: date = _LATEST
    earliest: date = _EARLIEST

    def __init__(self, oid: int, context: Any = None) -> None:
        super().__init__(oid, context)
        self._read = psycopg.adapters.get_loader(oid, self.format)(oid, context).load  # type: ignore[misc]  # is there

    def load(self, data: Buffer) -> Any:
        try:
            return self._read(data)
        except psycopg.DataError:
            written = bytes(data)
            return self.earliest if written.startswith(b"-") or written.endswith(b"BC") else self.latest


class _Day(_Moment):
    name = "date"
    latest, earliest = _LATEST.date(), _EARLIEST.date()


def bear_with_odd_times(connection: Any, _record: Any) -> None:
    """Read all times and days that PostgreSQL can keep."""
    for loader in (_Moment, _Day):
        connection.adapters.register_loader(loader.name, loader)
