"""Carrying out a change: its run, its progress, and where it stops when it is interrupted."""

from __future__ import annotations

import signal
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from csctl import interrupts
from csctl.domain.outcomes import Outcome
from csctl.errors import CsctlError

from .confirm import Work
from .cron import CronLog
from .errors import Ended
from .invocation import Target
from .output import Output
from .progress import Progress
from .run_context import RunContext
from .streams import OutputLost, flush
from .tally import Tally

if TYPE_CHECKING:
    from csctl.results import Result
    from csctl.services.runs.journal import Counts, Kept

_EMAILS = 200  # new emails that wait at most, before they are delivered during a long change


@dataclass
class Execution:
    """One change while it is carried out. `context` is None where no run is to be recorded."""

    out: Output
    target: Target
    tally: Tally
    context: RunContext | None
    dry_run: bool
    log: CronLog | None = None
    unlisted: frozenset[Outcome] = frozenset()  # outcomes that are counted, and not printed
    run: Kept | None = None
    counts: Counts | None = None  # of the run, once it has ended
    lost: OutputLost | None = None
    unread: bool = False  # a signal came while output was being written
    signal: int | None = None

    def carry_out(self, work: Work) -> str | None:
        """Do the work, and print the results as they come. Returns the name of the run, if there is one.

        A signal, or an output that cannot be written, stops it after the current record. Raises Ended then.
        """
        with interrupts.deferred() as stop:
            self._begin()
            try:
                self._print(work, stop)
            except OutputLost as lost:
                self.lost = lost
            except interrupts.Stopped:
                self.unread = True
            except CsctlError:
                self._fail()
                raise
            self.signal = stop.number
            self.counts = self.run.end() if self.run else None
        if self.lost or self.signal:
            raise self._ended()
        self._say_what_remains()
        return self.run.name if self.run else None

    def _begin(self) -> None:
        if self.context and not self.dry_run and (run := self.context.begin(self.target)):
            self.context.app.journal = self.run = run

    def _print(self, work: Work, stop: interrupts.Stop) -> None:
        progress = Progress(self.out, self.target.count)
        results = iter(work(self.dry_run))
        try:
            with stop.telling():
                self.out.write(self._rows(self.tally.watch(results), stop, progress))
                flush()
        finally:
            if close := getattr(results, "close", None):
                close()  # calls under way are finished and recorded, whatever the reason for stopping
            progress.clear()

    def _rows(
        self, results: Iterator[Result], stop: interrupts.Stop, progress: Progress
    ) -> Iterable[Mapping[str, Any]]:
        while True:
            with stop.working():
                if (result := next(results, None)) is None:
                    return
                progress.step()
                if self.context and len(self.context.app.new_emails) >= _EMAILS:
                    from csctl.services.emails.delivery import Delivery

                    Delivery(self.context.app).deliver_new()
            if result.outcome in self.unlisted:
                continue
            # A refused record has the same keys as those that were changed.
            row = {**result.row(), **(self.log.row() if self.log else {})}
            yield {**{name: row.get(name) for name in self.out.all_fields}, **row}

    def _fail(self) -> None:
        """The change was refused as a whole, or cannot continue. A run keeps what was done before."""
        if self.run and self.run.begun_here and not self.run.touched:
            self.run.discard()
        elif self.run and not self.run.lost:
            self.counts = self.run.end()
            self._say_what_remains()

    def _say_what_remains(self) -> None:
        if not self.run or not self.counts:
            return
        if self.counts.left:
            self.out.notice(
                f"{self.counts.left:,} of {self.counts.total:,} records remain: csctl run resume {self.run.name}"
            )
        elif self.counts.failed and self.tally.retriable:
            self.out.notice(f"To retry the failed records: csctl run resume {self.run.name} --retry-failed")

    def _ended(self) -> Ended:
        if self.signal:
            code, why = 128 + self.signal, f"Stopped by {signal.Signals(self.signal).name}"
        elif self.lost and self.lost.gone:
            code, why = 0 if self.dry_run else 3, "Stopped: the output was closed"
        else:
            code, why = 3, f"Stopped: the output cannot be written ({self.lost and self.lost.reason})"
        lost = self.unread or self.lost is not None
        if self.dry_run:
            return Ended(code, f"{why}. It was a dry run: nothing was done.", lost=lost)
        if self.run is None or self.counts is None:
            return Ended(code, f"{why}. Records done: {self.tally.total:,}.", lost=lost)
        done = self.counts.total - self.counts.left
        how_far = f"{done:,} of {self.counts.total:,} records are done"
        return Ended(code, f"{why}. {how_far}; resume with: csctl run resume {self.run.name}", lost=lost)
