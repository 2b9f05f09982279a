"""Dry runs of the money engine: the same work, rolled back. Gateways are asked what they know, and sent nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

from csctl import interrupts
from csctl.errors import CsctlError
from csctl.results import Result
from csctl.services.payments import resume
from csctl.services.payments.holding import hold
from csctl.services.payments.jobs import Call, Job, Turn
from csctl.services.shared import damage
from csctl.unreadable import UNREADABLE

if TYPE_CHECKING:
    from csctl.app import App

_TOGETHER = 64  # jobs in one transaction


def rehearse(app: App, jobs: Iterable[Job], *, fail_fast: bool) -> Iterator[Result]:
    """The jobs in transactions that are rolled back, some together as they would be, and first just one: the first line
    comes soon.
    """
    coming, size = iter(jobs), 1
    while not interrupts.asked() and (batch := list(islice(coming, size))):
        size = 1 if fail_fast else min(size * 2, _TOGETHER)
        results = _Rehearsal(app, batch).results()
        yield from results
        if fail_fast and not all(result.ok for result in results):
            return


class _Rehearsal:
    """Some jobs in one transaction. A gateway is never asked inside it: a job that would ask is left there, asks after
    the rollback, and all begin again with what is known by then.
    """

    def __init__(self, app: App, jobs: list[Job]) -> None:
        self.app, self.jobs = app, jobs
        self.replies: dict[int, list[Any]] = defaultdict(list)  # by the place of the job
        self.asked: dict[int, Call] = {}

    def results(self) -> list[Result]:
        while True:
            with self.app.write(dry_run=True) as session:
                held = hold(session, [job.needs for job in self.jobs])
                turns = [Turn(session, job.needs, held) for job in self.jobs]
                found = [result for place, turn in enumerate(turns) for result in self._assume(place, turn)]
                found = [result.as_dry_run() for result in found]
            if not self.asked:
                return found
            for place, call in self.asked.items():
                self.replies[place].append(_reply(call))
            self.asked = {}
            self.jobs = [job.restarted() for job in self.jobs]

    def _assume(self, place: int, turn: Turn) -> Iterator[Result]:
        job, known = self.jobs[place], iter(self.replies[place])
        try:
            work, reply = resume.started(self.app, job, turn), None
            while True:
                step = work.throw(reply) if isinstance(reply, CsctlError) else work.send(reply)
                reply = None
                if isinstance(step, Result):
                    yield step
                    continue
                turn.session.flush()
                reply = next(known, _UNKNOWN) if step.reads or step.look else step.assumed
                if reply is _UNKNOWN:
                    self.asked[place] = step
                    work.close()
                    return
        except StopIteration:
            return
        except UNREADABLE as error:
            yield Result.refused(job.given, damage.damaged(job.given, error))
        except CsctlError as error:
            yield Result.refused(job.given, error)


_UNKNOWN = object()


def _reply(call: Call) -> Any:
    try:
        return call.look() if call.look else call.make()
    except CsctlError as error:
        return error
