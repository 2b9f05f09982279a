"""Pieces of work for the money engine: what a job is, what it holds, and what it yields."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy.orm import Session

from csctl.models import Transaction
from csctl.results import Result

LEASE = timedelta(minutes=5)  # how long an attempt belongs to who claimed it (domain rules, section 3)


@dataclass(frozen=True)
class Call:
    """A call to a gateway. `unsent` is the reply where it could not be begun in time; `assumed` that of a dry run."""

    make: Callable[[], Any]
    assumed: Any
    unsent: Any


Work = Generator[Call | Result, Any, None]


@dataclass
class Turn:
    """What a piece of work holds while it has the database: a session, and its rows under lock."""

    session: Session
    needs: Needs

    def transaction(self, number: int) -> Transaction | None:
        return self.session.get(Transaction, number)

    def sales_of(self, order_id: int) -> list[Transaction]:
        """Sales, captures and authorizations of an order, oldest first."""
        loaded = [row for row in self.session.identity_map.values() if isinstance(row, Transaction)]
        return sorted((t for t in loaded if t.order_id == order_id and t.kind.is_charge), key=lambda t: t.id)


@dataclass
class Needs:
    """The rows that a piece of work must hold: these, the orders they belong to, and all sales of those.

    `opened` are attempts that it made; they have no number before the transaction's end.
    """

    transactions: set[int] = field(default_factory=set)
    orders: set[int] = field(default_factory=set)
    items: set[int] = field(default_factory=set)
    purchases: set[int] = field(default_factory=set)
    opened: list[Transaction] = field(default_factory=list)

    def numbers(self) -> set[int]:
        """Of all transactions that are meant."""
        return self.transactions | {attempt.id for attempt in self.opened}


@dataclass
class Job:
    """A piece of work, and the record it is for as the caller named it. `begin` makes the generator.

    `go_on` makes that of a record for which a run had begun these attempts, the last one of each sale: needed where
    some of them may leave more to be done. Its last argument says that the record is done again since it had failed.
    """

    given: str
    needs: Needs
    begin: Callable[[Turn], Work]
    go_on: Callable[[Turn, list[Transaction], bool], Work] | None = None
    turn: Turn | None = None
    work: Work | None = None
    results: list[Result] = field(default_factory=list)

    def anew(self) -> Job:
        """The job from its start: what it wrote was undone, and nothing was sent."""
        self.needs.opened.clear()
        self.turn, self.work, self.results = None, None, []
        return self
