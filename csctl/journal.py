"""The journal of a change by command line: what became of each record. Most keep none; a run's is `run_journal`."""

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
    """Payments that a run had begun for a record; `again` if the record is done once more since it had failed."""

    transactions: Sequence[int]
    again: bool


@dataclass(frozen=True)
class Entry:
    """What happened to a record, as it is called in the journal: attempts at a gateway that were begun for it, and once
    it is `over`, its results.
    """

    name: str
    results: Sequence[Result] = ()
    begun: Sequence[Transaction] = ()
    over: bool = True


class Journal:
    """That of a command which is no run: nothing is kept.

    `owner` is the operator whose run is being resumed; `again`: records of it that failed are done once more.
    """

    owner: int | None = None
    again = False

    def enter(self, given: str) -> str | None:
        """What the journal calls a record that is begun now; None if it is done."""
        return given

    def hold(self, session: Session) -> bool:
        """Whether anything more may be begun in this transaction: not once another process carries the run on."""
        return True

    def begun(self, session: Session, given: str) -> Begun | None:
        """The payments that a run had begun for a record before this process; None if there are none."""
        return None

    def note(self, session: Session, entries: Sequence[Entry]) -> None:
        """Keep what became of records, with what the session changed."""

    def later(self, entry: Entry) -> None:
        """The same, for a record of which nothing was changed. It may be lost: the record is looked at again."""
