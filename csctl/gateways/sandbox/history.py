"""What has changed at the sandbox since a position: what is new in the ledger, and what the days since brought."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from datetime import datetime

from csctl.domain.states import Kind
from csctl.gateways.operations import Change, Found
from csctl.gateways.sandbox.ledger import stamp

_BEGINNING = "0001-01-01T00:00:00+00:00 0"
# Cards on which something happens later, without a new operation: each time it is looked whether it has.
_LATE = ("tok_pending", "tok_review", "tok_disputed", "tok_outside_refund%", "tok_refund_%", "tok_timeout_%")
_CHANGED = f"""
    SELECT * FROM operations WHERE token <> 'tok_unreachable' AND (
        id > :last OR at >= :since OR settled_at BETWEEN :since AND :now
        OR {" OR ".join(f"token LIKE '{token}'" for token in _LATE)}
    ) ORDER BY id
"""  # noqa: S608 - our own words


def changes(
    books: sqlite3.Connection, cursor: str | None, now: datetime, look: Callable[[sqlite3.Row], Found]
) -> Iterator[Change]:
    """Each operation that is new or may have changed, and the sale of each refund. A reading that is interrupted begins
    again from its start.
    """
    start = cursor if cursor and _is_position(cursor) else _BEGINNING
    since, last = start.split(" ")
    wanted = {"last": int(last), "since": since, "now": stamp(now)}
    seen: dict[str, tuple[sqlite3.Row, Found]] = {}
    number = -1
    while len(seen) > number:  # looking may add what was returned on the gateway's own page
        number = len(seen)
        for row in books.execute(_CHANGED, wanted).fetchall():
            for one in (row, *_sale_of(books, row)):
                seen[one["ref"]] = (one, look(one))
    newest = books.execute("SELECT coalesce(max(id), 0) FROM operations").fetchone()[0]
    for place, (row, found) in enumerate(seen.values(), start=1):
        position = f"{stamp(now)} {newest}" if place == len(seen) else start
        yield Change(Kind(row["kind"]), row["ref"], position, row["parent_ref"], row["key"], found)


def _sale_of(books: sqlite3.Connection, row: sqlite3.Row) -> list[sqlite3.Row]:
    return books.execute("SELECT * FROM operations WHERE ref = ?", (row["parent_ref"],)).fetchall()


def _is_position(cursor: str) -> bool:
    since, _, last = cursor.partition(" ")
    try:
        datetime.fromisoformat(since)
    except ValueError:
        return False
    return last.isdecimal()
