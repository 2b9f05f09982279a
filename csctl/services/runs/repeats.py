"""Interrupted bulk changes of money: repeating one would pay its first part twice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, func, or_, select

from csctl.domain import ids
from csctl.domain.states import RecordState, RunState
from csctl.errors import Conflict
from csctl.models import Run, RunRecord
from csctl.services.runs import runs

if TYPE_CHECKING:
    from csctl.app import App

_MANNER = ("--concurrency", "--fail-fast")
_REMEMBERED = timedelta(days=30)  # older runs are not repeated by mistake


@dataclass(frozen=True)
class DoneBefore:
    """A stopped run of the same command, with the number of its records that are done, or have payments under way."""

    run: str
    number: int

    def warning(self) -> str:
        """The warning for the confirmation prompt."""
        return f"{self.run} did the same for {self.number:,} of these, and stopped. To resume it: {self.resume}"

    def refusal(self) -> Conflict:
        """The error without a prompt."""
        return Conflict(
            f"{self.run} did the same for {self.number:,} of these",
            cause="it stopped before its end; a repeat would do them twice",
            fix=f"{self.resume}, or add --again if it is meant to be done twice",
        )

    @property
    def resume(self) -> str:
        """The command that processes the remaining records."""
        return f"csctl run resume {self.run}"


def stopped_before(app: App, arguments: Sequence[str], given: Sequence[str]) -> DoneBefore | None:
    """The newest stopped run of this operator with the same command line that has done some of these records."""
    mine = (Run.operator_id == app.actor.id) & (Run.command == app.command)
    with app.read() as session:
        for run in session.scalars(select(Run).where(mine, _unfinished(app)).order_by(Run.id.desc())):
            if _meaning(run.arguments) != _meaning(arguments) or runs.is_alive(run, app.clock.now()):
                continue
            done = set(session.scalars(select(RunRecord.given).where(RunRecord.run_id == run.id, _DONE)))
            if number := len({_number(name) for name in given} & {_number(name) for name in done}):
                return DoneBefore(ids.show("run", run.id), number)
    return None


def of_money(app: App) -> Iterator[tuple[str, int]]:
    """The stopped runs that have begun payments and have records left: their ids, and how many remain."""
    paid = select(RunRecord.run_id).where(RunRecord.transactions.is_not(None))
    with app.read() as session:
        for run in session.scalars(select(Run).where(_unfinished(app), Run.id.in_(paid)).order_by(Run.id)):
            pending = select(func.count()).where(RunRecord.run_id == run.id, RunRecord.state == RecordState.PENDING)
            if not runs.is_alive(run, app.clock.now()) and (left := session.scalar(pending)):
                yield ids.show("run", run.id), left


def _unfinished(app: App) -> ColumnElement[bool]:
    return (Run.state != RunState.COMPLETE) & (Run.started_at > app.clock.now() - _REMEMBERED)


_DONE = or_(RunRecord.state == RecordState.DONE, RunRecord.transactions.is_not(None))


def _meaning(arguments: Sequence[str]) -> list[str]:
    """The words of a command line that decide what is done, in any order, without those about speed."""
    return sorted(word for word in arguments if not word.startswith(_MANNER))


def _number(given: str) -> str:
    """The id of a record in any form: `txn_7` and `7` are the same."""
    return given.rpartition("_")[2]
