"""Read times that PostgreSQL can store and Python cannot: one such value must not stop every command."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import psycopg
from psycopg.abc import Buffer
from psycopg.adapt import Loader

# Infinity and years beyond Python's are read as a far future or past: a year that can
# be shown in every time zone, and calculated with.
_LATEST, _EARLIEST = datetime(9000, 1, 1, tzinfo=UTC), datetime(1000, 1, 1, tzinfo=UTC)


class _Moment(Loader):
    """The driver's own reader of a time, and a fallback for values that it refuses."""

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
    """Read all times and days that PostgreSQL can store."""
    for loader in (_Moment, _Day):
        connection.adapters.register_loader(loader.name, loader)
