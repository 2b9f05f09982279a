"""Store what an API lists, page by page, in the way of an import from a file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from csctl import interrupts
from csctl.clock import rfc3339
from csctl.domain.outcomes import Outcome
from csctl.domain.record_kinds import KINDS
from csctl.errors import CsctlError
from csctl.services.data.apis import cursor
from csctl.services.data.apis.cursor import Position
from csctl.services.data.apis.listed import Listed, Waiting
from csctl.services.data.importing.batches import Batches, Begin, batches, transactions
from csctl.services.data.importing.context import Context, RowOutcome
from csctl.services.data.importing.job import Count, Entry, partial
from csctl.services.data.importing.rejects import Rejects
from csctl.services.data.mapping.language import FileRules, Section
from csctl.services.shared import audit
from csctl.services.shared.exported_ids import mark_of
from csctl.tabular.row import Row

if TYPE_CHECKING:
    from csctl.app import App

Progress = Callable[[int], None]
SECTIONS: Mapping[str, Section] = {name: Section(kind, name) for name, kind in KINDS.items()}


@dataclass(frozen=True)
class Page:
    """Objects of one answer as records, and where the next page begins."""

    records: Sequence[Listed]
    after: str


class Api(Protocol):
    """What is listed in which job. Each step refers to those before it."""

    @property
    def steps(self) -> Sequence[str]: ...
    @property
    def sections(self) -> Mapping[str, Section]: ...

    def pages(self, step: str, position: Position) -> Iterator[Page]:
        """The pages of a step after the position. Raises Misconfigured, Unreachable."""


@dataclass(frozen=True)
class ApiJob:
    """What is to be imported: from which account, made since when, and whether existing records are updated.

    `asked` is the time as it was typed: `3d` is the same import an hour later.

    `rejects` is where refused records are written; each kind has a file of its own beside it. `merchants` are
    `12=main`: which account of csctl a merchant account of CheckoutChamp is.
    """

    system: str
    account: str
    since: str | None = None
    asked: str | None = None
    update: bool = False
    dry_run: bool = False
    rejects: Path | None = None
    merchants: tuple[str, ...] = ()


def run(app: App, api: Api, job: ApiJob, progress: Progress = lambda _records: None) -> list[Count]:
    """Import everything, or go on where the last import of this account was interrupted: the counts of each kind.

    No page is asked for inside a transaction. A dry run reads all pages first, and undoes what it stores.
    """
    position = _begin(app, job)
    intake = _Intake(app, job, api.sections, progress, continued=position.step > 0 or position.after is not None)
    with closing(intake.waiting), intake.audited(), intake.partial:
        for number in range(position.step, len(api.steps)):
            if number != position.step:
                position = position.next_step()
            for page in api.pages(api.steps[number], position):
                intake.take(page)
                position = position.passed(page.after)
                if not job.dry_run:
                    cursor.write(app, job.account, position)
        intake.finish()
    if not job.dry_run:
        cursor.write(app, job.account, None)
    return [count for count in intake.counts.values() if count.read]


def _begin(app: App, job: ApiJob) -> Position:
    kept = None if job.dry_run else cursor.read(app, job.account)
    if kept and kept.asked == job.asked:
        app.notice(f"Continuing the import of {kept.until} that was interrupted.")
        return kept
    return Position(job.since, rfc3339(app.clock.now()), asked=job.asked)


class _Intake:
    """The counts and the files of rejects of one import."""

    def __init__(
        self, app: App, job: ApiJob, sections: Mapping[str, Section], progress: Progress, *, continued: bool
    ) -> None:
        with app.read() as session:
            mark = mark_of(session)
        self._app, self._job, self._sections, self._progress = app, job, sections, progress
        # The files of the part before the interruption stay.
        part = f"-{app.clock.now():%Y%m%dT%H%M%S}" if continued else ""
        self._name = f"{job.system}-{job.account}{part}"
        self._context = Context(
            app.clock.now(), app.clock.zone, app.shop.country, job.update, mark, dry_run=job.dry_run
        )
        self.counts = {kind: Count(kind) for kind in KINDS}
        self.partial = partial(self.counts.values(), dry_run=job.dry_run, fix="run it again: it continues")
        self._rejects: dict[str, Rejects] = {}
        self.waiting = Waiting()

    def take(self, page: Page) -> None:
        """Store a page. Of a dry run it waits, so that no transaction is open while the next one is asked for."""
        if self._job.dry_run:
            self.waiting.add(page.records)
            return
        with interrupts.deferred() as stop, transactions(self._app, dry_run=False) as begin:
            self._store(begin, page.records)
        if stop.number is not None:
            raise interrupts.Stopped(stop.number)

    def finish(self) -> None:
        if self._job.dry_run:
            with transactions(self._app, dry_run=True) as begin:
                for records in self.waiting:
                    self._store(begin, records)

    def audited(self) -> ExitStack:
        """One row in the audit log for all of an import, also for one that was stopped."""
        stack = ExitStack()
        stack.push(self._note)
        return stack

    def _note(self, kind: type[BaseException] | None, *_error: object) -> None:
        for rejects in self._rejects.values():
            rejects.close()
        numbers = {name: count.numbers() for name, count in self.counts.items() if count.read}
        if not self._job.dry_run and (numbers or kind is None):
            with self._app.write() as session:
                outcome = Outcome.STOPPED if kind else Outcome.IMPORTED
                audit.write(session, self._app, outcome, target=self._job.account, **numbers)
        if kind and numbers and not self._job.dry_run:
            self._app.notice("Stopped. What was read is kept; the same command continues from there.")

    def _store(self, begin: Begin, records: Iterable[Listed]) -> None:
        """Store records, each kind after those that it refers to."""
        listed = list(records)
        for kind, section in self._sections.items():
            for aside in (True, False):
                found = [one for one in listed if one.kind == kind and one.aside is aside]
                self._keep(begin, section, found, aside=aside)
        self._progress(sum(count.read for count in self.counts.values()))

    def _keep(self, begin: Begin, section: Section, records: Iterable[Listed], *, aside: bool) -> None:
        count = self.counts[section.kind.name]
        context = replace(self._context, update=False) if aside else self._context
        keeper = Batches(begin, section, FileRules(), context, count)
        keeper.last = True
        for batch in batches(_entries(records, count.read)):
            for entry, verdict in keeper.keep(batch):
                known = aside and verdict is RowOutcome.DIFFERS
                count.add((entry, RowOutcome.UNCHANGED if known else verdict))
                if isinstance(verdict, CsctlError):
                    self._reject(section, entry, verdict)

    def _reject(self, section: Section, entry: Entry, error: CsctlError) -> None:
        if section.name not in self._rejects:
            origin, given = _Origin(Path(f"{self._name}.json")), self._job.rejects
            own = given.with_name(f"{given.stem}.{section.name}{given.suffix}") if given else None
            self._rejects[section.name] = Rejects(origin, own, section.name, None, several=True)
        rejects = self._rejects[section.name]
        rejects.add(entry.row, error)
        self.counts[section.kind.name].rejects = [str(rejects.path)]


@dataclass(frozen=True)
class _Origin:
    """What names a file of rejects."""

    path: Path
    format: str = "jsonl"
    delimiter: str = ","


def _entries(records: Iterable[Listed], before: int) -> Iterator[Entry]:
    for number, one in enumerate(records, start=before + 1):
        values = {name: text for name, value in one.values.items() if (text := value.strip())}
        yield Entry(number, Row(number, {**one.values}), values)
