"""Runs, which are bulk changes by command line: begin, list and resume them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from csctl import worker
from csctl.domain import ids
from csctl.domain.states import RecordState, Role, RunState
from csctl.errors import Conflict
from csctl.models import Operator, Run, RunRecord
from csctl.results import Limit, Page, Row
from csctl.services.payments.jobs import LEASE
from csctl.services.runs import journal as run_journal
from csctl.services.runs.journal import Kept, Seen
from csctl.services.shared import access, listing

if TYPE_CHECKING:
    from csctl.app import App


@dataclass(frozen=True)
class Resumption:
    """The remaining part of a run: `given` are its records if ids named them, None if a file has to name them again."""

    number: int
    command: str
    arguments: tuple[str, ...]
    operator_id: int
    given: tuple[str, ...] | None
    left: int
    retry_failed: bool

    @property
    def name(self) -> str:
        return ids.show("run", self.number)

    def seen(self, app: App) -> Seen:
        """The journal for a dry run of a resume."""
        return Seen(app, self.number, self.operator_id, by_ids=self.given is not None, again=self.retry_failed)


def begin(app: App, arguments: Sequence[str], given: Sequence[str] | None, count: int) -> Kept:
    """Begin a run, before its first record. `given` are its records, None if a file names them."""
    now = app.clock.now()
    with app.write() as session:
        run = Run(
            operator_id=app.actor.id,
            command=app.command,
            arguments=list(arguments),
            by_ids=given is not None,
            state=RunState.RUNNING,
            total=count,
            done=0,
            failed=0,
            worker=worker.me(),
            lease_until=now + LEASE,
            started_at=now,
        )
        session.add(run)
        session.flush()
        run_journal.add(session, run.id, given or ())
    return Kept(app, run.id, run.operator_id, by_ids=run.by_ids, resumed=False)


def resumption(app: App, number: int, *, retry_failed: bool) -> Resumption:
    """What a resume would do. Raises NotFound, NotPermitted, or Conflict while another process carries out the run."""
    with app.read() as session:
        run = listing.existing(session, Run, "run", number)
        mine = run.operator_id == app.actor.id
        problem = _being_done(app, run)
        again = [RecordState.PENDING, *([RecordState.FAILED] if retry_failed else [])]
        wanted = select(RunRecord.given).where(RunRecord.run_id == number, RunRecord.state.in_(again))
        given = tuple(session.scalars(wanted.order_by(RunRecord.place))) if run.by_ids else None
    if not mine:
        access.require(app, "runs of others")
    if problem:
        raise problem
    left = run.total - run.done - (0 if retry_failed else run.failed)
    return Resumption(number, run.command, tuple(run.arguments), run.operator_id, given, left, retry_failed)


def take_over(app: App, wanted: Resumption, count: int) -> Kept:
    """Make this process the owner of the run. Raises Conflict if another one carries it out."""
    with app.write() as session:
        run = session.get_one(Run, wanted.number, with_for_update=True)
        if problem := _being_done(app, run):
            raise problem
        run.state, run.worker, run.ended_at = RunState.RUNNING, worker.me(), None
        run.lease_until = app.clock.now() + LEASE
        # A pending record with an outcome has failed from now on; an unknown one may get its outcome later.
        _change(session, run.id, RecordState.PENDING, outcome=None)
        if wanted.retry_failed:
            _change(session, run.id, RecordState.FAILED, state=RecordState.PENDING)
            run.failed = 0
        if not run.by_ids:
            run.total = max(run.total, count)  # the file may have grown
    by_ids, again = wanted.given is not None, wanted.retry_failed
    return Kept(app, wanted.number, wanted.operator_id, by_ids=by_ids, resumed=True, again=again)


def _change(session: Session, number: int, in_state: RecordState, **values: Any) -> None:
    records = (RunRecord.run_id == number) & (RunRecord.state == in_state)
    session.execute(update(RunRecord).where(records).values(**values))


def _being_done(app: App, run: Run) -> Conflict | None:
    """Why no other process may resume a run now."""
    if not is_alive(run, app.clock.now()):
        return None
    name = ids.show("run", run.id)
    where, pid, _ = str(run.worker).rsplit(" ", 2)
    return Conflict(
        f"{name} is being carried out",
        cause=f"by process {pid} on {where.split(' ')[0]}, since {run.started_at:%Y-%m-%d %H:%M} UTC",
        fix=f"csctl run show {name}",
    )


def is_alive(run: Run, now: datetime) -> bool:
    """Whether a process carries the run out, as far as this host can see."""
    if run.state is not RunState.RUNNING or run.worker is None or worker.is_gone(run.worker):
        return False
    return run.lease_until is not None and run.lease_until > now


# -- read


def newest(app: App, limit: Limit, *, state: str | None = None) -> Page:
    """Runs, newest first: one's own, and those of all operators with the right to see them."""
    wanted = select(Run)
    if state == RunState.COMPLETE:
        wanted = wanted.where(Run.state == RunState.COMPLETE)
    elif state:  # a run whose process died is stored as running: `_state` finds these
        wanted = wanted.where(Run.state != RunState.COMPLETE)
    if app.actor.role is not Role.ADMIN:
        wanted = wanted.where(Run.operator_id == app.actor.id)

    def rows(session: Session, runs: list[Run]) -> list[Row]:
        return [_row(session, app, run) for run in runs if state in (None, _state(app, run))]

    return listing.newest_first(app, wanted, Run.started_at, Run.id, rows, limit)


def show(app: App, number: int) -> Row:
    """A run with the outcome of each of its records. Raises NotFound, and NotPermitted for another operator's."""
    with app.read() as session:
        run = listing.existing(session, Run, "run", number)
        row = {**_row(session, app, run), "arguments": run.arguments, "records": _records(session, number)}
    if run.operator_id != app.actor.id:
        access.require(app, "runs of others")
    return row


def _state(app: App, run: Run) -> RunState:
    """The state of a run; one whose process died is stopped."""
    died = run.state is RunState.RUNNING and not is_alive(run, app.clock.now())
    return RunState.STOPPED if died else run.state


def _row(session: Session, app: App, run: Run) -> Row:
    operator = session.get(Operator, run.operator_id)
    return {
        "id": ids.show("run", run.id),
        "command": run.command,
        "state": _state(app, run).value,
        "total": run.total,
        "done": run.done,
        "failed": run.failed,
        "operator": operator.name if operator else None,
        "started_at": run.started_at,
        "ended_at": run.ended_at,
    }


def _records(session: Session, number: int) -> list[Row]:
    columns = (RunRecord.given, RunRecord.state, RunRecord.outcome, RunRecord.message, RunRecord.transactions)
    found = session.execute(select(*columns).where(RunRecord.run_id == number).order_by(RunRecord.place))
    return [
        {"id": given, "state": state.value, "outcome": outcome, "message": message, "transactions": _names(made)}
        for given, state, outcome, message, made in found
    ]


def _names(transactions: list[int] | None) -> list[str]:
    return [ids.show("txn", number) for number in transactions or []]
