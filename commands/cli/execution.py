"""Carrying out a change: its run, its progress, and where it stops when it is interrupted."""

from __future__ import annotations

import signal
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from csctl import interrupts
from csctl.domain.outcomes import Outcome
from csctl.errors import Busy, CsctlError, OutcomeUnknown, Unreachable

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
    failure: CsctlError | None = None  # what ended it after its first record

    def carry_out(self, work: Work) -> str | None:
        """Do the work, and print the results as they come. Returns the name of the run, if there is one.

        A signal, an output that cannot be written, or a lost database stops it after the current record. Raises Ended
        then; where no record was attempted, the error itself.
        """
        with interrupts.deferred() as stop:
            self._begin()
            try:
                self._print(work, stop)
            except OutputLost as lost:
                self.lost = lost
            except interrupts.Stopped:
                self.unread = True
            except CsctlError as error:
                if self._nothing_was_done():
                    self._fail()
                    raise
                self.failure = error
            self.signal = stop.number
            self._end_run()
        if self.lost or self.signal or self.failure:
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

    def _nothing_was_done(self) -> bool:
        """Whether a repeat is safe: no record was attempted, or each was refused before anything was sent."""
        return self.dry_run or set(self.tally.exits) <= {Unreachable.exit}

    def _fail(self) -> None:
        """The change was refused as a whole. A run keeps what was done before."""
        if self.run and self.run.begun_here and not self.run.touched:
            with suppress(Unreachable):  # without its database a run that did nothing remains as stopped
                self.run.discard()
        elif self.run and not self.run.lost:
            self._end_run()
            self._say_what_remains()

    def _end_run(self) -> None:
        """Have the run say how far it came. Where its database is lost, it is found as stopped later."""
        try:
            self.counts = self.run.end() if self.run else None
        except (Unreachable, OutcomeUnknown, Busy) as error:
            self.failure = self.failure or error

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
        """How it ended before its end: the reason, what was done, and how to resume it."""
        lost = self.unread or self.lost is not None
        if self.dry_run:
            code = 128 + self.signal if self.signal else 0 if self.lost and self.lost.gone else 3
            return Ended(code, f"{self._why()}. It was a dry run: nothing was done.", lost=lost)
        how_far = f"{self._why()}. {self._how_far()}"
        if self.signal:
            return Ended(128 + self.signal, how_far, lost=lost)
        # Where output was lost, records were finished after the last one that was counted.
        summary = f"\n{self.tally.summary(would=False)}" if self.failure and self.tally.total else ""
        return Ended(self.tally.exit_code_when_stopped(), f"{how_far}{summary}", lost=lost)

    def _why(self) -> str:
        if self.signal:
            return f"Stopped by {signal.Signals(self.signal).name}"
        if self.lost and self.lost.gone:
            return "Stopped: the output was closed"
        if self.lost:
            return f"Stopped: the output cannot be written ({self.lost.reason})"
        cause = f" ({self.failure.cause})" if self.failure and self.failure.cause else ""
        return f"Stopped: {self.failure and self.failure.message}{cause}"

    def _how_far(self) -> str:
        if self.run is None:
            return f"Records done: {self.tally.total:,}."
        resume = f"resume with: csctl run resume {self.run.name}"
        if self.counts is None:
            return f"{self.tally.total:,} of {self.target.count or 0:,} records were attempted; {resume}"
        done = self.counts.total - self.counts.left
        return f"{done:,} of {self.counts.total:,} records are done; {resume}"
