"""The results of commands: a row for the outcome of each record of a change, and the rows of a list."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from csctl.card_numbers import without_card_numbers
from csctl.domain.money import Money, to_decimal
from csctl.domain.outcomes import Outcome
from csctl.errors import CsctlError

# A record as commands print it, by the names of its fields; its values are those of JSON, and times. It is made to be
# printed, and nothing reads it to decide: functions that need more than that pass classes to each other.
Row = Mapping[str, object]

# The keys of a result row, in order; `fields=` of a command adds to them.
RESULT_FIELDS = ("id", "ok", "outcome", "message", "dry_run", "error")
MONEY_FIELDS = (
    "id",
    "ok",
    "outcome",
    "amount",
    "currency",
    "transaction_id",
    "queue_item_id",
    "message",
    "dry_run",
    "error",
)


@dataclass(frozen=True)
class Result:
    """`id` is the record as the caller named it; `money` is the amount that moved (or would); `extra` has further keys.

    `error` is set if the change was not made and not accepted; its exit code is the record's.
    """

    id: str
    outcome: Outcome
    message: str = ""
    error: CsctlError | None = None
    money: Money | None = None
    transaction_id: str | None = None
    queue_item_id: str | None = None
    dry_run: bool = False
    extra: Row = field(default_factory=dict)
    about: str = ""  # whose record it is, for the confirmation prompt; not a key of the row
    unsent: bool = False  # its gateway did not answer, and nothing was sent; not a key of the row

    @property
    def ok(self) -> bool:
        return self.error is None

    @classmethod
    def refused(cls, given: str, error: CsctlError, **more: Any) -> Result:
        """The record is unchanged, for this reason."""
        return cls(without_card_numbers(given), Outcome.REFUSED, error.message, error=error, **more)

    def as_dry_run(self) -> Result:
        """The result of a dry run: created records do not exist, nor do their ids."""
        made = {"approval_id": None} if "approval_id" in self.extra else {}
        return replace(self, dry_run=True, transaction_id=None, queue_item_id=None, extra={**self.extra, **made})

    def row(self) -> Row:
        money = self.money
        return {
            "id": self.id,
            "ok": self.ok,
            "outcome": self.outcome,
            "message": self.message,
            "transaction_id": self.transaction_id,
            "amount": to_decimal(money.amount, money.currency) if money else None,
            "currency": money.currency if money else None,
            "queue_item_id": self.queue_item_id,
            **self.extra,
            "dry_run": self.dry_run,
            "error": self.error.as_dict() if self.error else None,
        }


@dataclass(frozen=True)
class Paging:
    """Which rows of a list to return: how many (None: all), sorted by which field (`-amount`: descending).

    With `count`, only their number.
    """

    limit: int | None = None
    sort: str | None = None
    count: bool = False


@dataclass(frozen=True)
class Amounts:
    """The amounts to filter a list by, as decimal strings: any of several, or a range including both ends."""

    amount: tuple[str, ...] = ()
    min_amount: str | None = None
    max_amount: str | None = None


Limit = Paging | int | None  # a plain number: that many of the newest rows


class Page:
    """The rows of a list. After the last row, `more` says whether the limit left some out.

    With `count`, only their number.
    """

    def __init__(self, rows: Iterable[Row], limit: int | None = None, *, count: int | None = None) -> None:
        self._rows = rows
        self.limit = limit
        self.count = count
        self.more = False

    def __iter__(self) -> Iterator[Row]:
        for number, row in enumerate(self._rows):
            if self.limit is not None and number >= self.limit:
                self.more = True
                return
            yield row


Cells = Sequence[Any] | Row


class Tuples:
    """Rows as cells in the order of `names`, many at a time: as CSV they are printed without a dictionary for each.

    The row of a damaged record is a `Row`, with its id and why it cannot be read.
    """

    def __init__(self, names: tuple[str, ...], parts: Iterator[list[Cells]]) -> None:
        self.names, self.parts = names, parts

    def __iter__(self) -> Iterator[Row]:
        for part in self.parts:
            for row in part:
                yield row if isinstance(row, Mapping) else dict(zip(self.names, row, strict=True))
