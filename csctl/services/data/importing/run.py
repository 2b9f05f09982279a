"""One import, from its file to its counts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from csctl import interrupts
from csctl.domain.outcomes import Outcome
from csctl.errors import CsctlError
from csctl.gateways.tokens import forms
from csctl.services.data.importing import notices
from csctl.services.data.importing.batches import Batches, Begin, batches, transactions
from csctl.services.data.importing.context import Context, NotYet, RowOutcome
from csctl.services.data.importing.job import Count, Entry, Job, partial, together
from csctl.services.data.importing.passes import Pass, Passes
from csctl.services.data.importing.rejects import Rejects
from csctl.services.data.importing.scan import Scan, scan
from csctl.services.data.mapping.language import Section
from csctl.services.shared import audit
from csctl.services.shared.exported_ids import mark_of
from csctl.tabular.reading import Table

if TYPE_CHECKING:
    from csctl.app import App

Progress = Callable[[int], None]
_MOST_REJECTED = 10_000  # records that are remembered as rejected


def run(app: App, job: Job, *, dry_run: bool = False, progress: Progress = lambda _rows: None) -> list[Count]:
    """Bring the rows of a file in: the counts of each kind.

    `progress` receives the number of records read, after each batch. Raises Usage, before anything is stored, for an
    invalid file or mapping; a single invalid row only counts as rejected.
    """
    sections = job.mappings.in_order()
    with closing(Table(job.path, job.mappings.file.options)) as table:
        passes = Passes(table, job.mappings)
        notices.assumed(app, job)
        scans = [_look(app, job, passes, section) for section in sections]
        context = _context(app, job, dry_run=dry_run)
        counts: list[Count] = []
        with partial(counts, dry_run=dry_run), transactions(app, dry_run=dry_run) as begin:
            turn = _Turn(app, job, passes, begin, context, progress)
            for section, seen in zip(sections, scans, strict=True):
                if seen:
                    counts.append(Count(section.kind.name))
                    turn.take(section, seen, counts[-1])
    found = together(counts) if len(sections) > 1 else counts
    notices.after(app, job, found)
    return found or [Count(sections[0].kind.name)]


def _look(app: App, job: Job, passes: Passes, section: Section) -> Scan | None:
    """Compare a section with the file. None where the file is empty."""
    with passes.begin(section) as first:
        if first.columns == []:
            return None
        passes.require(first, new_ones=not job.update)
        notices.header(app, first, only=len(job.mappings.sections) == 1)
    return scan(passes, section)


def _context(app: App, job: Job, *, dry_run: bool) -> Context:
    with app.read() as session:
        mark = mark_of(session)
    clock, tokens = app.clock, forms(app.settings.gateways)
    return Context(clock.now(), clock.zone, app.shop.country, job.update, mark, dry_run, job.mappings.previous, tokens)


@dataclass(frozen=True)
class _Turn:
    """Takes one section after the other through the file."""

    app: App
    job: Job
    passes: Passes
    begin: Begin
    context: Context
    progress: Progress

    def take(self, section: Section, seen: Scan, count: Count) -> None:
        """Store the records of a section; in a second pass, what refers to a record further down in the file."""
        keeper = Batches(self.begin, section, self.job.mappings.file, self.context, count)
        with self.passes.begin(section) as one, closing(self._rejects(section, one)) as rejects:
            with _audited(self.app, section, count, dry_run=self.context.dry_run):
                waiting = self._store(keeper, self._checked(one.entries(), section, seen), count, rejects)
                if waiting:
                    with self.passes.begin(section) as again:
                        rest = (entry for entry in again.entries() if entry.number in waiting)
                        keeper.last = True
                        self._store(keeper, rest, count, rejects)
            count.skip(one.skipped)
            notices.columns(self.app, one, count, only=len(self.job.mappings.sections) == 1)
        count.rejects = [str(rejects.path)] if rejects.path else []

    def _rejects(self, section: Section, one: Pass) -> Rejects:
        given, several = self.job.rejects, len(self.job.mappings.sections) > 1
        if given and several:
            given = given.with_name(f"{given.stem}.{section.name}{given.suffix}")
        return Rejects(self.passes.table, given, section.name, one.columns, several=several)

    def _checked(self, entries: Iterable[Entry], section: Section, seen: Scan) -> Iterator[Entry]:
        """Each record with what the first pass says of it."""
        for entry in entries:
            if entry.number in seen.later:
                entry.verdict = RowOutcome.SKIPPED
            elif entry.number in seen.repeats:
                entry.verdict = RowOutcome.UNCHANGED
            else:
                entry.verdict = entry.verdict or seen.conflict(entry, section.kind.key)
            yield entry

    def _note_rejected(self, section: Section, entry: Entry) -> None:
        """Remember where a record was rejected, for rows that refer to it."""
        rejected, key = self.context.rejected, entry.values.get(section.kind.key)
        if key and len(rejected) < _MOST_REJECTED:
            rejected.setdefault((section.kind.name, key), entry.row.line)

    def _store(self, keeper: Batches, entries: Iterable[Entry], count: Count, rejects: Rejects) -> set[int]:
        """Store the records of one pass, batch by batch. Returns the numbers of those that have to wait."""
        waiting: set[int] = set()
        for batch in batches(entries):
            with interrupts.deferred() as stop:
                for entry, verdict in keeper.keep(batch):
                    if isinstance(verdict, NotYet) and not keeper.last:
                        waiting.add(entry.number)
                        continue
                    count.add((entry, verdict))
                    if isinstance(verdict, CsctlError):
                        rejects.add(entry.row, verdict)
                        self._note_rejected(keeper.section, entry)
            if stop.number is not None:
                raise interrupts.Stopped(stop.number)
            self.progress(count.read)
        return waiting


@contextmanager
def _audited(app: App, section: Section, count: Count, *, dry_run: bool) -> Iterator[None]:
    """One row in the audit log for all of an import, also for one that was stopped."""
    outcome = Outcome.STOPPED
    try:
        yield
        outcome = Outcome.IMPORTED
    finally:
        if outcome is Outcome.STOPPED and count.read:
            kept = "and nothing is kept" if dry_run else "and those are kept; run it again, they are left as they are"
            app.notice(f"Stopped after {count.read:,} rows, {kept}.")
        if not dry_run and (outcome is Outcome.IMPORTED or count.read):
            with app.write() as session:
                audit.write(session, app, outcome, target=section.name, **count.numbers())
