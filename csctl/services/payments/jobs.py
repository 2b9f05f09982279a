"""Pieces of work for the money engine: what a job is, what it holds, and what it yields."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy.orm import Session

from csctl.errors import CsctlError
from csctl.models import BlacklistEntry, Customer, Order, PaymentMethod, Purchase, QueueItem, Transaction
from csctl.results import Result

_NEW = 2**63  # an attempt without an id comes after those that have one
LEASE = timedelta(minutes=5)  # how long an attempt belongs to who claimed it (domain rules, section 3)


@dataclass(frozen=True)
class Call:
    """A call to a gateway. `unsent` is the reply where it could not be begun in time; `assumed` that of a dry run.

    One that only `reads` is made in a dry run, too: what it would refuse depends on the answer. For a write, `look` is
    a question to the gateway that a dry run asks in its place. `record` takes the reply where the work that waited for
    it could not: a reply of another record in the same transaction was to blame.
    """

    make: Callable[[], Any]
    assumed: Any
    unsent: Any
    reads: bool = False
    look: Callable[[], Any] | None = None
    record: Callable[[Turn, Any], Generator[Call, Any, Result]] | None = None


class NotRecorded(Exception):
    """Why an answer of a gateway could not be booked. What it did cannot be refused: nothing of the answer is kept, and
    the gateway is asked about the attempt later.
    """

    def __init__(self, error: CsctlError) -> None:
        super().__init__(error.message)
        self.error = error


Work = Generator[Call | Result, Any, None]


@dataclass
class Held:
    """The rows that one database transaction holds under lock, for all of its pieces of work.

    The session refers to its rows weakly: they live as long as this does. `transactions` also has the attempts that
    were opened since.
    """

    orders: Sequence[Order] = ()
    purchases: Sequence[Purchase] = ()
    transactions: list[Transaction] = field(default_factory=list)
    items: Sequence[QueueItem] = ()
    origins: Sequence[Transaction] = ()
    methods: Sequence[PaymentMethod] = ()
    customers: Sequence[Customer] = ()
    replies: Sequence[object] = ()  # what gateways answered, that is recorded in this transaction
    blacklisted: dict[int, list[BlacklistEntry]] = field(default_factory=dict)  # by customer, once it was asked
    network_refs: dict[int, str | None] = field(default_factory=dict)  # by card, once it was asked
    holders: dict[str, list[Transaction]] | None = None  # sales by a reference of the replies, once it was asked
    charges: dict[int, list[Transaction]] = field(init=False)  # by order

    def __post_init__(self) -> None:
        self.charges = {}
        for row in self.transactions:
            self._note(row)

    def open(self, attempt: Transaction) -> None:
        """Add an attempt that is made in this transaction."""
        self.transactions.append(attempt)
        self._note(attempt)

    def _note(self, row: Transaction) -> None:
        if row.kind.is_charge:
            self.charges.setdefault(row.order_id, []).append(row)


@dataclass
class Turn:
    """What a piece of work has while it has the database: a session, and the rows under lock."""

    session: Session
    needs: Needs
    held: Held = field(default_factory=Held)

    def transaction(self, number: int) -> Transaction | None:
        return self.session.get(Transaction, number)

    def sales_of(self, order_id: int) -> list[Transaction]:
        """Sales, captures and authorizations of an order, oldest first."""
        return sorted(self.held.charges.get(order_id, ()), key=lambda row: row.id or _NEW)


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
    called: Call | None = None  # the call that it waits for, and how much was opened, and said, until then
    kept: tuple[int, int] = (0, 0)

    def wait_for(self, call: Call) -> None:
        """Note what was committed before a call."""
        self.called, self.kept = call, (len(self.needs.opened), len(self.results))

    def undo(self) -> None:
        """Forget what was done since the call: it was rolled back."""
        opened, results = self.kept
        del self.needs.opened[opened:], self.results[results:]

    def restarted(self) -> Job:
        """The job from its start: what it wrote was undone, and nothing was sent."""
        self.needs.opened.clear()
        self.turn, self.work, self.results = None, None, []
        return self
