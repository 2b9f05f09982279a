"""The money engine: the one way in which csctl talks to gateways, for one refund and for a thousand.

A piece of work is a generator. It reads and writes in `turn.session`, and yields:

- a `Call`: what was written is committed, the gateway is called outside of any transaction, and the generator goes on
  with the reply in a new transaction. So each `yield` is "intent before the call, outcome after it".
- a `Result`: handed to the caller once what was written before it is committed.

A process that dies leaves rows that say where it stood; `reconcile` takes them on. After each call everything may have
changed, so a generator reads its rows again from `turn`, which has locked them.

Up to `window` calls are made at once. The threads that make them touch no database: this thread claims new work and
records all answers that have come in since, in one transaction, so that many refunds cost few commits. It claims up to
two windows, so that the threads have calls to make while it writes.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError
from sqlalchemy.orm.exc import StaleDataError

from csctl import interrupts
from csctl.errors import (
    Busy,
    CsctlError,
    DatabaseUnreachable,
    Misconfigured,
    NotPermitted,
    OutcomeUnknown,
    RightsLost,
)
from csctl.fault_points import INTENT, OUTCOME, Around
from csctl.journal import Entry
from csctl.results import Result
from csctl.services.payments import accounts, failures, resume
from csctl.services.payments.calls import Calls
from csctl.services.payments.holding import hold
from csctl.services.payments.jobs import Call, Job, NotRecorded, Turn
from csctl.services.payments.rehearsal import rehearse
from csctl.services.shared import access, audit, windows
from csctl.unreadable import UNREADABLE

if TYPE_CHECKING:
    from csctl.app import App

_PATIENCE: tuple[float, ...] = (0, 0.5, 2, 5)  # seconds before each try to record what a gateway has answered


def drive(
    app: App,
    jobs: Iterable[Job],
    *,
    window: int = 1,
    dry_run: bool = False,
    fail_fast: bool = False,
    sends: bool = True,
) -> Iterator[Result]:
    """Carry out the jobs, and yield each Result once it is committed. A job that raises CsctlError is refused.

    `sends`: the jobs may move money, and not only ask.

    In a dry run the same work is done, calls are answered as assumed, and all of it is rolled back. After SIGINT or
    SIGTERM no new job begins; those that are under way are finished and recorded first. So it is where the database is
    lost: then the error is raised after the last Result, if jobs remain.
    """
    accounts.remember(app, store=not dry_run)  # reads the database, and so cannot be called inside a transaction
    if dry_run:
        yield from rehearse(app, jobs, fail_fast=fail_fast)
        return
    window = app.gateways.window(window)
    with interrupts.deferred() as stop, ThreadPoolExecutor(window) as pool:
        engine = _Engine(app, iter(jobs), window, Calls(pool, window), stop, fail_fast, sends)
        try:
            yield from engine.results()
        finally:
            engine.finish()


class _Engine:
    """The sliding window."""

    def __init__(
        self,
        app: App,
        jobs: Iterator[Job],
        window: int,
        calls: Calls,
        stop: interrupts.Stop,
        fail_fast: bool,
        sends: bool,
    ) -> None:
        self.app, self.jobs, self.window, self.calls, self.stop = app, jobs, window, calls, stop
        self.fail_fast, self.compares = fail_fast, sends
        self.most = window if fail_fast or window == 1 else 2 * window  # claimed at once: nothing is after a failure
        self.exhausted = False
        self.moved = False  # whether jobs have worked in this turn: they cannot do so twice
        self.lost: CsctlError | None = None  # why no more jobs begin: the database is gone, or may be
        self.undone = False  # whether jobs were taken and not begun for that

    def results(self) -> Iterator[Result]:
        """All results. Raises what the database was lost by, after the last of them, if jobs remain undone."""
        yield from self._turns()
        if self.lost and (self.undone or self._more()):
            raise self.lost

    def _turns(self) -> Iterator[Result]:
        while True:
            # What came back is recorded before anything new begins, and in a transaction that nothing new can spoil.
            yield from self._watched(self._record(self.calls.answered()))
            fresh = self._intake()
            if fresh and self.compares:
                self.compares = False
                accounts.compare(self.app)
            yield from self._watched(self._begin(fresh))
            if not fresh and not self.calls:
                return

    def _watched(self, results: list[Result]) -> list[Result]:
        self.exhausted |= self.fail_fast and not all(result.ok for result in results)
        return results

    def finish(self) -> None:
        """Record what is still under way; the results are not read any more."""
        self.exhausted = True
        for _ in self._turns():
            pass

    def _more(self) -> bool:
        """Whether there is a job that was never begun."""
        if self.exhausted:
            return False
        try:
            return next(self.jobs, None) is not None
        except CsctlError:  # it is read from the database
            return True

    def _intake(self) -> list[Job]:
        """New jobs, once there is room for half a window of them."""
        free = self.most - len(self.calls)
        if self.exhausted or self.lost or self.stop.is_set() or free * 2 < self.window:
            return []
        fresh: list[Job] = []
        try:
            fresh.extend(islice(self.jobs, free))
        except (DatabaseUnreachable, OutcomeUnknown) as error:  # which jobs there are is read from the database
            self.lost, self.undone = error, True
        self.exhausted = not self.lost and len(fresh) < free
        return fresh

    def _record(self, replies: list[tuple[Job, Any]]) -> list[Result]:
        """Outcomes of what came back. It was sent, so where no lock or connection was had, that is tried again. Where
        the database refuses one of them, each is recorded by itself; so is one that a deadlock ended, once.
        """
        problem: Exception | None = None
        for pause in _PATIENCE if replies else ():
            time.sleep(pause)
            try:
                return self._advance(replies, OUTCOME)
            except (CsctlError, NotRecorded, DBAPIError, StaleDataError, *UNREADABLE) as error:
                problem = error
                if self.moved or not isinstance(error, CsctlError):
                    break
        again = len(replies) > 1 or (isinstance(problem, Busy) and replies[0][1])
        if again and not isinstance(problem, DatabaseUnreachable | OutcomeUnknown | Misconfigured):
            return [result for job, reply in replies for result in self._record_alone(job, reply, problem)]
        self._note_loss(problem)
        return [failures.lost(job, problem) for job, _ in replies]

    def _record_alone(self, job: Job, reply: Any, problem: Exception | None) -> list[Result]:
        """The outcome of one, after a transaction for several was undone."""
        if job.called is None or job.called.record is None or job.turn is None:
            return [failures.lost(job, problem)]
        job.undo()
        job.work = resume.after_reply(self.app, job, job.turn, job.called, reply)
        return self._record([(job, None)])

    def _note_loss(self, problem: Exception | None) -> None:
        """Begin nothing more where the database is gone or damaged: what a gateway answers could not be recorded."""
        if isinstance(problem, DatabaseUnreachable | OutcomeUnknown | Misconfigured):
            self.lost = self.lost or problem

    def _begin(self, fresh: list[Job]) -> list[Result]:
        """Intents of what is new. Where they cannot be kept, nothing was sent."""
        try:
            return self._advance([(job, None) for job in fresh], INTENT) if fresh else []
        except (NotRecorded, IntegrityError, DataError, *UNREADABLE) as problem:
            if len(fresh) > 1:  # one of them is to blame: halves, until it is alone
                again, half = [job.restarted() for job in fresh], len(fresh) // 2
                return [*self._begin(again[:half]), *self._begin(again[half:])]
            return [Result.refused(fresh[0].given, failures.said(problem, fresh[0].given))]
        except RightsLost as problem:  # nothing further is begun; what is under way is recorded
            self.exhausted = True
            self.app.note_refusal(self.app, problem, fresh[0].given)
            return [failures.not_begun(job, problem) for job in fresh]
        except CsctlError as problem:
            self._note_loss(problem)
            self.undone |= self.lost is not None
            return [failures.not_begun(job, problem) for job in fresh]

    def _advance(self, steps: list[tuple[Job, Any]], around: Around) -> list[Result]:
        """Let the jobs work in one transaction; what they call is called once it is committed."""
        self.moved = False
        results, calls = self._work(steps, around)
        for job, call in calls:
            job.wait_for(call)
            self.calls.begin(job, call)
        return results

    def _work(self, steps: list[tuple[Job, Any]], around: Around) -> tuple[list[Result], list[tuple[Job, Call]]]:
        results: list[Result] = []
        calls: list[tuple[Job, Call]] = []
        refusals: list[tuple[str, NotPermitted]] = []
        entries: list[Entry] = []
        with self.app.write(points=around) as session:
            if not self.app.journal.hold(session):  # another process carries the run on, and does what is left
                self.exhausted = True
                steps = [(job, reply) for job, reply in steps if job.work]
            if any(job.work is None for job, _ in steps):
                access.look_again(session, self.app)
            windows.together(session)
            # All locks first: what waits, waits here.
            held = hold(session, [job.needs for job, _ in steps], begins=around is INTENT)
            self.moved, held.replies = True, [reply for _, reply in steps]
            for job, reply in steps:
                known, before = len(job.needs.opened), len(results)
                try:
                    call = _step(self.app, job, Turn(session, job.needs, held), reply, results)
                except CsctlError as error:
                    call = None
                    results.append(Result.refused(job.given, error))
                    if isinstance(error, NotPermitted):
                        refusals.append((job.given, error))
                calls += [(job, call)] if call else []
                job.results += results[before:]
                begun = job.needs.opened if len(job.needs.opened) > known else ()
                entries.append(Entry(job.given, job.results, begun, over=call is None))
            for given, refusal in refusals:
                audit.refused(session, self.app, refusal, given)
            self.app.journal.note(session, entries)
            session.flush()
            windows.write(session)
        return results, calls


def _step(app: App, job: Job, turn: Turn, reply: Any, results: list[Result]) -> Call | None:
    """Let a job work until it calls, or is done."""
    if job.work is None or job.turn is None:
        job.turn = turn
        job.work = resume.started(app, job, turn)
    job.turn.session, job.turn.held = turn.session, turn.held
    while True:
        try:
            step = job.work.throw(reply) if isinstance(reply, CsctlError) else job.work.send(reply)
        except StopIteration:
            return None
        reply = None
        if isinstance(step, Call):
            return step
        results.append(step)
