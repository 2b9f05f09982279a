"""The journal of a change by command line: the outcome of each record. Only runs store one (`runs/journal.py`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from csctl.models import Transaction
    from csctl.results import Result


@dataclass(frozen=True)
class Begun:
    """Payments that a run has begun for a record; `again` if the record failed and is processed again."""

    transactions: Sequence[int]
    again: bool


@dataclass(frozen=True)
class Entry:
    """The progress of a record, by its name in the journal: attempts at a gateway that were begun for it, and its
    results once it is `over`.
    """

    name: str
    results: Sequence[Result] = ()
    begun: Sequence[Transaction] = ()
    over: bool = True


class Journal:
    """The journal of a command that is not a run: it stores nothing.

    `owner` is the operator whose run is being resumed; `again`: its failed records are processed again.
    """

    owner: int | None = None
    again = False

    def enter(self, given: str) -> str | None:
        """The name in the journal of a record that begins now; None if it is done."""
        return given

    def hold(self, session: Session) -> bool:
        """Whether this transaction may begin another record: not after another process has resumed the run."""
        return True

    def begun(self, session: Session, given: str) -> Begun | None:
        """The payments that a run began for a record in an earlier process; None if there are none."""
        return None

    def note(self, session: Session, entries: Sequence[Entry]) -> None:
        """Store the outcome of records, in the transaction of the session's changes."""

    def later(self, entry: Entry) -> None:
        """The same for a record that was not changed. The entry may get lost: the record is then checked again."""
