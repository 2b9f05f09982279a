"""Carrying a change out: its run, its progress, and what is left of it when somebody stops it."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from csctl import interrupts
from csctl.errors import CsctlError

from . import errors as report
from .progress import Progress
from .streams import OutputLost, flush

if TYPE_CHECKING:
    from csctl.app import App
    from csctl.results import Result
    from csctl.services.runs.journal import Counts, Kept
    from csctl.services.runs.runs import Resumption

    from .output import Output
    from .tally import Tally

_EMAILS = 200  # that wait until they are delivered, while a long change goes on


@dataclass
class Carrier:
    """What a change needs of the command that it belongs to: who does it, and the words that would do it again.

    `given` are the records that ids named, None where a file names them.
    """

    app: App
    words: Callable[[], Sequence[str]]
    given: Sequence[str] | None
    resumption: Resumption | None = None

    def begin(self, out: Output) -> Kept | None:
        """The run of this change, if it is a bulk one. What had been begun of a resumed one is settled first."""
        from csctl.services.payments import orphans
        from csctl.services.runs import runs

        count = out.count or 0
        if out.dry_run or not (self.resumption or count > 1 or (count and out.ids_from_stdin)):
            return None
        if self.resumption is None:
            return runs.begin(self.app, self.words(), self.given, count)
        run = runs.take_over(self.app, self.resumption, count)
        for _ in orphans.settle(self.app, run.attempts()):
            pass  # told as the result of the record it belongs to
        return run


@dataclass
class _Carried:
    """How far it came."""

    lost: OutputLost | None = None
    signal: int | None = None
    counts: Counts | None = None


def carry_out(out: Output, work: Callable[[bool], Iterable[Result]], tally: Tally) -> str | None:
    """Do it, and print the results as they come. Returns the name of its run, if it is one.

    Signals, and an output that nobody reads, stop it after the record in hand. Raises report.Ended then, with where it
    stands and how to go on.
    """
    carrier = out.carrier
    carried = _Carried()
    with interrupts.deferred() as stop:
        run = carrier.begin(out) if carrier else None
        if carrier and run:
            carrier.app.journal = run
        try:
            _print(out, work, tally, stop)
        except OutputLost as lost:
            carried.lost = lost
        except interrupts.Stopped:
            pass
        except CsctlError:
            _give_up(out, run, tally)
            raise
        carried.signal = stop.number
        carried.counts = run.end() if run else None
    if carried.lost or carried.signal:
        raise _ended(out, carried, tally, run)
    _tell_what_is_left(out, run, carried.counts, tally)
    return run.name if run else None


def _print(out: Output, work: Callable[[bool], Iterable[Result]], tally: Tally, stop: interrupts.Stop) -> None:
    progress = Progress(out, out.count)
    results = iter(work(out.dry_run))
    try:
        with stop.telling():
            out.write(_rows(out, tally.watch(results), stop, progress))
            flush()
    finally:
        if close := getattr(results, "close", None):
            close()  # what is under way is finished, whatever the reason
        progress.clear()


def _rows(
    out: Output, results: Iterator[Result], stop: interrupts.Stop, progress: Progress
) -> Iterator[Mapping[str, Any]]:
    while True:
        with stop.working():
            if (result := next(results, None)) is None:
                return
            progress.step()
            if out.carrier and len(out.carrier.app.new_emails) >= _EMAILS:
                from csctl.services.emails.delivery import Delivery

                Delivery(out.carrier.app).deliver_new()
        yield _whole(out, result)


def _whole(out: Output, result: Result) -> Mapping[str, Any]:
    """Its row with every key that the rows of this command have: those of one that was refused, too."""
    row = result.row()
    return {**{name: row.get(name) for name in out.all_fields}, **row}


def _give_up(out: Output, run: Kept | None, tally: Tally) -> None:
    """It was refused as a whole, or cannot go on. Of a run that was begun earlier all that was done is kept."""
    if run and run.begun_here and not run.touched:
        run.discard()
    elif run and not run.lost:
        _tell_what_is_left(out, run, run.end(), tally)


def _tell_what_is_left(out: Output, run: Kept | None, counts: Counts | None, tally: Tally) -> None:
    if run and counts and counts.left:
        out.notice(f"{counts.left:,} of {counts.total:,} records are left: csctl run resume {run.name}")
    elif run and counts and counts.failed and tally.retriable:
        out.notice(f"What failed can be tried again: csctl run resume {run.name} --retry-failed")


def _ended(out: Output, carried: _Carried, tally: Tally, run: Kept | None) -> report.Ended:
    if carried.signal:
        code, why = 128 + carried.signal, f"Stopped by {signal.Signals(carried.signal).name}"
    elif carried.lost and carried.lost.gone:
        code, why = 0 if out.dry_run else 3, "Stopped: nobody reads the output any more"
    else:
        code, why = 3, f"Stopped: the output cannot be written ({carried.lost and carried.lost.reason})"
    if out.dry_run:
        return report.Ended(code, f"{why}. It was a dry run: nothing was done.", lost=carried.lost)
    if run is None or carried.counts is None:
        return report.Ended(code, f"{why}. Records that are done: {tally.total:,}.", lost=carried.lost)
    counts = carried.counts
    how_far = f"{counts.total - counts.left:,} of {counts.total:,} records are done"
    return report.Ended(code, f"{why}. {how_far}; go on with: csctl run resume {run.name}", lost=carried.lost)
