"""The journal of a run: the outcome of each record, stored in the transaction that made it.

So a process that dies leaves no change that is missing in the journal. The journal has the payments that were begun,
too (`RunRecord.transactions`): resuming settles these (`services/payments/orphans.py`), and begins no second one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import CursorResult, Table, delete, select, update
from sqlalchemy.orm import Session

from csctl import sets, worker
from csctl.domain import ids
from csctl.domain.outcomes import Outcome
from csctl.domain.states import RecordState, RunState
from csctl.errors import Busy, Conflict, OutcomeUnknown
from csctl.journal import Begun, Entry, Journal
from csctl.models import Run, RunRecord
from csctl.results import Result
from csctl.services.payments.jobs import LEASE

if TYPE_CHECKING:
    from csctl.app import App

_RECORDS = cast(Table, RunRecord.__table__)
_NAMED = ("run_id", "given")
_LATER = 100  # records without a change are written together
_CHUNK = 1000
_NOT_DONE = (Busy, OutcomeUnknown)  # outcomes that the next resume processes again


@dataclass(frozen=True)
class Counts:
    """The progress of a run."""

    total: int
    done: int
    failed: int

    @property
    def left(self) -> int:
        return self.total - self.done - self.failed


class Seen(Journal):
    """The journal of a run for reading only: a dry run of the remaining records."""

    def __init__(self, app: App, number: int, owner: int, *, by_ids: bool, again: bool = False) -> None:
        self.number, self.owner, self.again = number, owner, again
        self._app = app
        self._over = (RecordState.DONE,) if again else (RecordState.DONE, RecordState.FAILED)
        # Of a run by ids, the command gets only the remaining records; a file names all of its records again.
        self._known = {} if by_ids else _known(app, number)
        self._met: Counter[str] = Counter()
        self._by_ids = by_ids

    def enter(self, given: str) -> str | None:
        if self._by_ids:
            return given
        self._met[given] += 1  # a file may name a record twice, to change it twice
        name = given if self._met[given] == 1 else f"{given} ({self._met[given]})"
        return None if self._known.get(name) in self._over else name

    def begun(self, session: Session, given: str) -> Begun | None:
        mine = (RunRecord.run_id == self.number) & (RunRecord.given == given)
        record = session.scalars(select(RunRecord).where(mine)).one_or_none()
        if record is None or not record.transactions:
            return None
        return Begun(record.transactions, again=self.again and record.outcome is not None)


def _known(app: App, number: int) -> dict[str, RecordState]:
    with app.read() as session:
        mine = select(RunRecord.given, RunRecord.state).where(RunRecord.run_id == number)
        return {given: state for given, state in session.execute(mine)}  # noqa: C416 - rows are no pairs to mypy


class Kept(Seen):
    """The journal of the run that this process carries out.

    A process that paused for longer than its lease (asleep, or waiting for its output to be read) may find that another
    one has resumed the run: `lost`. It then records its open calls to the gateway, and begins nothing more.
    """

    def __init__(self, app: App, number: int, owner: int, *, by_ids: bool, resumed: bool, again: bool = False) -> None:
        super().__init__(app, number, owner, by_ids=by_ids, again=again)
        self.begun_here = not resumed
        if self.begun_here:
            self.owner = None
        self.touched = self.lost = False
        self._waiting: list[Entry] = []
        self._next = len(self._known) + 1

    @property
    def name(self) -> str:
        return ids.show("run", self.number)

    def hold(self, session: Session) -> bool:
        mine = (Run.id == self.number) & (Run.worker == worker.me())
        lease = update(Run).where(mine).values(lease_until=self._app.clock.now() + LEASE)
        held = session.execute(lease.execution_options(synchronize_session=False))
        self.lost = cast("CursorResult[Any]", held).rowcount == 0
        return not self.lost

    def begun(self, session: Session, given: str) -> Begun | None:
        return None if self.begun_here else super().begun(session, given)

    def attempts(self) -> list[int]:
        """The attempts at a gateway that were begun for records which are not done."""
        pending = (RunRecord.run_id == self.number) & (RunRecord.state == RecordState.PENDING)
        wanted = select(RunRecord.transactions).where(pending, RunRecord.transactions.is_not(None))
        with self._app.read() as session:
            return [number for made in session.scalars(wanted) for number in made or ()]

    def note(self, session: Session, entries: Sequence[Entry]) -> None:
        self.touched = True
        if self.lost:  # a process that resumes the run finds the begun payments, and records their outcome
            return
        if begun := [entry for entry in entries if entry.begun]:
            session.flush()  # they have ids now
            _keep_begun(session, self.number, begun)
        over = [entry for entry in [*self._waiting, *entries] if entry.over]
        self._waiting.clear()
        if not self._by_ids:
            self._insert_new(session, [entry.name for entry in over])
        if over:
            _keep(session, self.number, [self._parameters(entry) for entry in over])
        counts = Counter(_state_of(entry.results) for entry in over)
        self._count(session, counts[RecordState.DONE], counts[RecordState.FAILED])

    def later(self, entry: Entry) -> None:
        self.touched = True
        self._waiting.append(entry)
        if len(self._waiting) >= _LATER:
            self.flush()

    def flush(self) -> None:
        if self._waiting:
            with self._app.write() as session:
                if self.hold(session):
                    self.note(session, [])

    def end(self) -> Counts:
        """End or stop this process's work on the run. Returns the progress.

        Raises Conflict if another process has resumed it.
        """
        self.flush()
        with self._app.write() as session:
            if not self.hold(session):
                raise Conflict(
                    f"{self.name} was taken over by another process",
                    cause=f"this one was away for longer than {LEASE.total_seconds() / 60:.0f} minutes",
                    fix=f"csctl run show {self.name}",
                )
            run = session.get_one(Run, self.number)  # locked: its lease was renewed above
            counts = Counts(run.total, run.done, run.failed)
            run.state = RunState.STOPPED if counts.left else RunState.COMPLETE
            run.worker = run.lease_until = None
            run.ended_at = self._app.clock.now()
        return counts

    def discard(self) -> None:
        """Delete the run: it was refused as a whole, before any record was changed."""
        with self._app.write() as session:
            session.execute(delete(RunRecord).where(RunRecord.run_id == self.number))
            session.execute(delete(Run).where(Run.id == self.number))

    def _parameters(self, entry: Entry) -> sets.Row:
        results = entry.results
        said = "; ".join(result.message for result in results if result.message)
        return {
            "given": entry.name,
            "state": _state_of(results),
            "outcome": results[-1].outcome if results else Outcome.SKIPPED,
            # for records of a file, a message may repeat what the file says about a person
            "message": said[:500] if said and self._by_ids else None,
            "at": self._app.clock.now(),
        }

    def _insert_new(self, session: Session, names: list[str]) -> None:
        """Add records that are new to the journal."""
        new = [name for name in names if name not in self._known]
        self._known |= dict.fromkeys(new, RecordState.PENDING)
        add(session, self.number, new, first=self._next)
        self._next += len(new)

    def _count(self, session: Session, done: int, failed: int) -> None:
        counted = update(Run).where(Run.id == self.number).values(done=Run.done + done, failed=Run.failed + failed)
        session.execute(counted.execution_options(synchronize_session=False))


def _state_of(results: Sequence[Result]) -> RecordState:
    if any(isinstance(result.error, _NOT_DONE) for result in results):
        return RecordState.PENDING
    return RecordState.DONE if all(result.ok for result in results) else RecordState.FAILED


def _keep(session: Session, number: int, rows: Sequence[sets.Row]) -> None:
    values = [{"run_id": number, **row} for row in rows]
    # If the outcome of the commit is unknown, the change may have been kept, and its record with it.
    undone = f"run_records.state <> '{RecordState.DONE.value}'"
    sets.update(session.connection(), _RECORDS, values, _NAMED, where=undone)


def _keep_begun(session: Session, number: int, begun: Sequence[Entry]) -> None:
    made = {entry.name: [attempt.id for attempt in entry.begun] for entry in begun}
    rows = [{"run_id": number, "given": name, "transactions": ids} for name, ids in made.items()]
    sets.update(session.connection(), _RECORDS, rows, _NAMED)


def add(session: Session, number: int, names: Iterable[str], *, first: int = 1) -> None:
    """Add the remaining records, in this order."""
    numbered = enumerate(names, start=first)
    while chunk := list(islice(numbered, _CHUNK)):
        rows = [{"run_id": number, "place": place, "given": n, "state": RecordState.PENDING} for place, n in chunk]
        sets.insert(session.connection(), _RECORDS, rows)
