"""The sandbox's books, in a SQLite file of their own. Several processes may use one at once."""

from __future__ import annotations

import sqlite3
import threading
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from csctl.domain.states import Kind

_PATIENCE = 30  # seconds to wait for other processes
_SCHEMA = """
CREATE TABLE IF NOT EXISTS operations (
    id INTEGER PRIMARY KEY,
    ref TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    amount INTEGER NOT NULL,
    currency TEXT NOT NULL,
    parent_ref TEXT,
    key TEXT,
    token TEXT NOT NULL,
    result TEXT NOT NULL,
    reason TEXT,
    at TEXT NOT NULL,
    settled_at TEXT,
    voided INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS operations_key ON operations (key);
CREATE INDEX IF NOT EXISTS operations_parent ON operations (parent_ref);
CREATE TABLE IF NOT EXISTS lost_answers (ref TEXT PRIMARY KEY);
CREATE TABLE IF NOT EXISTS account (id TEXT NOT NULL);
"""


@dataclass(frozen=True)
class Lesson:
    """A sale that was made elsewhere, for the sandbox to learn (`sandbox adopt`). `amount` in minor units."""

    ref: str
    kind: Kind
    amount: int
    currency: str
    token: str
    at: datetime
    settled_at: datetime | None
    parent_ref: str | None = None
    voided: bool = False


def _write_ahead(books: sqlite3.Connection) -> None:
    """Use a write-ahead log. Where several processes open a new file at once, SQLite lets one of them switch it, and
    the others do not wait for that by themselves.
    """
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            books.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
        time.sleep(0.01)


class Ledger:
    """One ledger file; created if it is missing. Raises sqlite3.Error and OSError if it cannot be used."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._one_at_a_time = threading.Lock()
        self._books: sqlite3.Connection | None = None
        if not path.exists():
            path.touch(mode=0o600)  # like a shop's own database
        with self.open() as books:
            for statement in _SCHEMA.split(";"):
                books.execute(statement)
            if books.execute("SELECT 1 FROM account").fetchone() is None:
                books.execute("INSERT INTO account VALUES (?)", (f"sandbox-{uuid.uuid4().hex[:12]}",))

    @contextmanager
    def open(self) -> Iterator[sqlite3.Connection]:
        """Open the books in a transaction of its own.

        Threads queue here, because SQLite makes waiting connections sleep far longer than a transaction takes. They
        share a connection: closing the last one writes the whole log back into the file, and waits for the disk.
        """
        with self._one_at_a_time:
            self._books = self._books or self._connect()
            self._books.execute("BEGIN IMMEDIATE")
            try:
                yield self._books
            except BaseException:
                self._books.execute("ROLLBACK")
                raise
            self._books.execute("COMMIT")

    def close(self) -> None:
        """Close the file; the next use opens it again."""
        with self._one_at_a_time:
            if self._books:
                self._books.close()
            self._books = None

    def _connect(self) -> sqlite3.Connection:
        books = sqlite3.connect(self.path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False)
        books.row_factory = sqlite3.Row
        _write_ahead(books)
        # survives a killed process; it need not survive a power failure
        books.execute("PRAGMA synchronous=NORMAL")
        return books

    def account(self) -> str:
        """The id that this ledger got when it was made."""
        with self.open() as books:
            return str(books.execute("SELECT id FROM account").fetchone()[0])

    def teach(self, lessons: Iterable[Lesson]) -> int:
        """Add sales that it does not have, and update the token of known ones. Returns how many were added."""
        number = 0
        with self.open() as books:
            for lesson in lessons:
                number += 1
                settled = lesson.settled_at or next_midnight(lesson.at)
                row = (
                    *(lesson.ref, lesson.kind.value, lesson.amount, lesson.currency, lesson.parent_ref, lesson.token),
                    *(stamp(lesson.at), stamp(settled), lesson.voided),
                )
                books.execute(
                    "INSERT INTO operations"
                    " (ref, kind, amount, currency, parent_ref, token, result, at, settled_at, voided)"
                    " VALUES (?, ?, ?, ?, ?, ?, 'approved', ?, ?, ?)"
                    " ON CONFLICT (ref) DO UPDATE SET token = excluded.token",
                    row,
                )
        return number

    def entries(self) -> Iterator[sqlite3.Row]:
        """All operations, oldest first."""
        with self.open() as books:
            yield from books.execute("SELECT * FROM operations ORDER BY id")

    def reset(self) -> int:
        """Remove all operations. Returns how many there were."""
        with self.open() as books:
            books.execute("DELETE FROM lost_answers")
            return books.execute("DELETE FROM operations").rowcount


def returned(books: sqlite3.Connection, ref: str) -> int:
    """Minor units returned of a sale, pending ones included."""
    found = books.execute(
        "SELECT coalesce(sum(amount), 0) FROM operations WHERE parent_ref = ? AND kind = 'refund'"
        " AND result IN ('approved', 'pending')",
        (ref,),
    ).fetchone()
    return int(found[0])


def by(books: sqlite3.Connection, column: str, value: str | None) -> sqlite3.Row | None:
    """The operation with this `ref` or `key`."""
    found: sqlite3.Row | None = books.execute(
        f"SELECT * FROM operations WHERE {column} = ?",  # noqa: S608 - ours
        (value,),
    ).fetchone()
    return found


def next_midnight(moment: datetime) -> datetime:
    """The next midnight in UTC, when the sandbox settles."""
    return (moment.astimezone(UTC) + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)


def stamp(moment: datetime) -> str:
    """A time as the ledger keeps it: UTC, to the second."""
    return moment.astimezone(UTC).isoformat(timespec="seconds")
