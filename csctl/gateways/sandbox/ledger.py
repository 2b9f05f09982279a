"""The sandbox's ledger: an SQLite file that any number of processes use at once."""

from __future__ import annotations

import sqlite3
import threading
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from csctl.domain.states import Kind

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
CREATE TABLE IF NOT EXISTS account (id TEXT PRIMARY KEY);
"""


@dataclass(frozen=True)
class Lesson:
    """A sale that was made elsewhere, for the sandbox to know (`sandbox adopt`)."""

    ref: str
    kind: Kind
    amount: int
    currency: str
    token: str
    at: datetime
    settled_at: datetime | None
    parent_ref: str | None = None
    voided: bool = False


class Ledger:
    """The file of one account."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._one_at_a_time = threading.Lock()
        if not path.exists():
            path.touch(mode=0o600)  # like a shop's own database
        with self.open() as ledger:
            for statement in _SCHEMA.split(";"):
                ledger.execute(statement)

    @contextmanager
    def open(self) -> Iterator[sqlite3.Connection]:
        """The ledger, in a transaction of its own. A connection a call: calls come from several threads.

        They queue here, since SQLite lets those who wait sleep far longer than a transaction takes.
        """
        with self._one_at_a_time:
            connection = sqlite3.connect(self.path, timeout=30, isolation_level=None)
            connection.row_factory = sqlite3.Row
            try:
                connection.execute("PRAGMA journal_mode=WAL")
                connection.execute("PRAGMA synchronous=NORMAL")  # outlives a killed process; it need not a power cut
                connection.execute("BEGIN IMMEDIATE")
                yield connection
                connection.execute("COMMIT")
            finally:
                connection.close()

    def account(self) -> str:
        """The ledger's own id, made when it is first asked for."""
        with self.open() as ledger:
            row = ledger.execute("SELECT id FROM account").fetchone()
            if row is None:
                made = f"sandbox_{uuid.uuid4().hex[:12]}"
                ledger.execute("INSERT INTO account VALUES (?)", (made,))
                return made
            return str(row["id"])

    def teach(self, lessons: Iterable[Lesson]) -> int:
        """Put sales into the ledger that it does not know, and update the token of known ones. Returns how many."""
        number = 0
        with self.open() as ledger:
            for lesson in lessons:
                number += 1
                settled = lesson.settled_at or next_midnight(lesson.at)
                of_what = (lesson.ref, lesson.kind.value, lesson.amount, lesson.currency, lesson.parent_ref)
                ledger.execute(
                    "INSERT INTO operations"
                    " (ref, kind, amount, currency, parent_ref, token, result, at, settled_at, voided)"
                    " VALUES (?, ?, ?, ?, ?, ?, 'approved', ?, ?, ?)"
                    " ON CONFLICT (ref) DO UPDATE SET token = excluded.token",
                    (*of_what, lesson.token, stamp(lesson.at), stamp(settled), lesson.voided),
                )
        return number

    def entries(self) -> Iterator[sqlite3.Row]:
        """All operations, oldest first."""
        with self.open() as ledger:
            yield from ledger.execute("SELECT * FROM operations ORDER BY id")

    def reset(self) -> int:
        """Forget everything but the account's id. Returns how many operations there were."""
        with self.open() as ledger:
            ledger.execute("DELETE FROM lost_answers")
            return ledger.execute("DELETE FROM operations").rowcount


def next_midnight(moment: datetime) -> datetime:
    return (moment.astimezone(UTC) + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)


def stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds")
