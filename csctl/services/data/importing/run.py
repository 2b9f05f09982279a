"""One import, from its file to its count: in batches, each kept by itself, so that memory stays flat."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError

from csctl import interrupts
from csctl.domain.record_kinds import KINDS, RecordKind
from csctl.errors import Conflict, CsctlError, Usage
from csctl.services.data.importing import mapping as mappings
from csctl.services.data.importing import source as sources
from csctl.services.data.importing.cells import Cells
from csctl.services.data.importing.context import Context, Importer, RowOutcome, Warnings, mark_of
from csctl.services.data.importing.customers import Customers
from csctl.services.data.importing.fulfillments import Fulfillments
from csctl.services.data.importing.mapping import Mapping
from csctl.services.data.importing.orders import Orders
from csctl.services.data.importing.payment_methods import PaymentMethods
from csctl.services.data.importing.products import Products
from csctl.services.data.importing.purchases import Purchases
from csctl.services.data.importing.rejects import Rejects
from csctl.services.data.importing.source import Row, Source
from csctl.services.data.importing.transactions import Transactions
from csctl.services.shared import audit

if TYPE_CHECKING:
    from csctl.app import App

BATCH = 500  # rows that are kept together, with the same few queries
_IMPORTERS: dict[str, type[Importer]] = {
    "customers": Customers,
    "payment-methods": PaymentMethods,
    "products": Products,
    "orders": Orders,
    "purchases": Purchases,
    "transactions": Transactions,
    "fulfillments": Fulfillments,
}
_Begin = Callable[[], AbstractContextManager[Session]]
_Verdict = tuple[Row, RowOutcome | CsctlError]


@dataclass(frozen=True)
class Job:
    """What is to be imported. `maps` are `field=Column` and `field:=value`, and override the file `mapping`."""

    kind: str
    path: Path
    format: str | None = None
    delimiter: str = ","
    maps: tuple[str, ...] = ()
    mapping: Path | None = None
    update: bool = False
    rejects: Path | None = None


@dataclass
class Count:
    """How many rows were read, and what became of them. `differing` ones are among the unchanged."""

    read: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0
    differing: int = 0
    first_rejected: str = ""
    warnings: Warnings = field(default_factory=Warnings)

    def add(self, verdict: _Verdict) -> None:
        row, outcome = verdict
        self.read += 1
        if isinstance(outcome, CsctlError):
            self.rejected += 1
            self.first_rejected = self.first_rejected or f"line {row.line}: {outcome.message}"
        elif outcome is RowOutcome.DIFFERS:
            self.unchanged += 1
            self.differing += 1
        else:
            setattr(self, outcome.value, getattr(self, outcome.value) + 1)

    def numbers(self) -> dict[str, int]:
        return {name: getattr(self, name) for name in ("read", "created", "updated", "unchanged", "rejected")}


def run(
    app: App, job: Job, *, dry_run: bool = False, progress: Callable[[int], None] = lambda _rows: None
) -> dict[str, Any]:
    """Bring the rows of a file in, and return the counts and where the rejected rows are.

    `progress` is told how many rows were read, after each batch. Raises Usage, before any row, for a file or a mapping
    that cannot be used; a row that is wrong by itself only counts as rejected.
    """
    kind = KINDS[job.kind]
    mapping = mappings.given(kind, job.maps, job.mapping)
    format_ = sources.format_of(job.path, job.format)
    rejects = Rejects(job.path, job.rejects, job.kind, format_, job.delimiter)
    count = Count()
    with sources.opened(job.path, format_, job.delimiter) as source:
        _match(app, mapping, kind, source, job)
        rejects.expect(source.columns, mapping)
        with _audited(app, kind, count, dry_run=dry_run), _closing(rejects), _transactions(app, dry_run) as begin:
            batches = _Batches(begin, kind, mapping, _context(app, job), count)
            for rows in _batches(source):
                with interrupts.deferred() as stop:
                    for verdict in batches.keep(rows):
                        count.add(verdict)
                        if isinstance(verdict[1], CsctlError):
                            rejects.add(verdict[0], verdict[1])
                if stop.number is not None:
                    raise interrupts.Stopped(stop.number)
                progress(count.read)
    _tell(app, mapping, source, count, rejects.path)
    found = str(rejects.path) if rejects.path else None
    return {"kind": kind.name, **count.numbers(), "rejects_file": found, "dry_run": dry_run}


def _match(app: App, mapping: Mapping, kind: RecordKind, source: Source, job: Job) -> None:
    if source.columns == []:
        app.notice("The file is empty: nothing to import.")
        return
    mappings.resolve(mapping, kind, source.columns)
    if source.columns is not None:
        mappings.require(mapping, kind, new_ones=not job.update)
        _tell_ignored(app, mapping)


def _context(app: App, job: Job) -> Context:
    with app.read() as session:
        mark = mark_of(session)
    return Context(app.clock.now(), app.clock.zone, app.shop.country, job.update, mark)


def _batches(source: Source) -> Iterator[list[Row]]:
    rows = iter(source)
    while batch := list(islice(rows, BATCH)):
        yield batch


class _Batches:
    """Keeps one batch after the other."""

    def __init__(self, begin: _Begin, kind: RecordKind, mapping: Mapping, context: Context, count: Count) -> None:
        self._begin, self._kind, self._mapping, self._context, self._count = begin, kind, mapping, context, count

    def keep(self, rows: list[Row]) -> list[_Verdict]:
        """What became of each row. Where the database refuses a batch, its rows are tried one by one."""
        context = replace(self._context, warnings=Warnings())
        try:
            with self._begin() as session:
                verdicts = self._store(session, context, rows)
        except (IntegrityError, StaleDataError):
            if len(rows) == 1:
                clash = Conflict("it conflicts with another record", cause="another process may be changing it")
                return [(rows[0], clash)]
            return [verdict for row in rows for verdict in self.keep([row])]
        self._count.warnings.extend(context.warnings)
        return verdicts

    def _store(self, session: Session, context: Context, rows: list[Row]) -> list[_Verdict]:
        verdicts: dict[int, RowOutcome | CsctlError] = {}
        readable: list[Cells] = []
        for place, row in enumerate(rows):
            try:
                readable.append(self._read(place, row, context))
            except CsctlError as error:
                verdicts[place] = error
        importer = _IMPORTERS[self._kind.name](session, context)
        for cells in importer.prepare(readable):
            with session.no_autoflush:
                try:
                    verdicts[cells.place] = importer.put(cells)
                except CsctlError as error:
                    verdicts[cells.place] = error
        importer.finish()
        session.flush()
        return [(row, verdicts[place]) for place, row in enumerate(rows)]

    def _read(self, place: int, row: Row, context: Context) -> Cells:
        self._mapping.note(row, self._kind.fields)
        if row.problem:
            raise row.problem
        cells = Cells(place, row.line, self._mapping.values(row), context.zone)
        if self._kind.key not in cells:
            raise Usage(f"{self._kind.key} is missing")
        cells.check()
        return cells


@contextmanager
def _transactions(app: App, dry_run: bool) -> Iterator[_Begin]:
    """A transaction for each batch. A dry run is one for all, undone at the end: later rows refer to earlier ones."""
    if not dry_run:
        yield app.write
        return
    with app.write(dry_run=True) as session:

        @contextmanager
        def nested() -> Iterator[Session]:
            with session.begin_nested():
                yield session
            session.expunge_all()

        yield nested


@contextmanager
def _closing(rejects: Rejects) -> Iterator[None]:
    try:
        yield
    finally:
        rejects.close()


@contextmanager
def _audited(app: App, kind: RecordKind, count: Count, *, dry_run: bool) -> Iterator[None]:
    """One row in the trail for all of an import, also for one that was stopped."""
    outcome = "stopped"
    try:
        yield
        outcome = "imported"
    finally:
        if not dry_run and (outcome == "imported" or count.read):
            with app.write() as session:
                audit.write(session, app, outcome, target=kind.name, **count.numbers())
        if outcome == "stopped" and count.read:
            kept = "and nothing is kept" if dry_run else "and those are kept; run it again, they are left as they are"
            app.notice(f"Stopped after {count.read:,} rows, {kept}.")


def _tell_ignored(app: App, mapping: Mapping) -> None:
    if ignored := list(mapping.ignored):
        app.notice(f"Ignored, since no field is mapped to them: {', '.join(ignored[:30])}")


def _tell(app: App, mapping: Mapping, source: Source, count: Count, rejects: Path | None) -> None:
    """What a person should know, on stderr."""
    if source.columns is None:
        _tell_ignored(app, mapping)
        if count.read and mapping.never_seen:
            app.notice(f"No row has these columns, though they are mapped: {', '.join(mapping.never_seen)}")
    for line in count.warnings.lines():
        app.notice(line)
    if count.differing:
        app.notice(f"{count.differing:,} are here already and differ: bring them up to date with --update")
    if count.rejected:
        app.notice(f"{count.rejected:,} rows were rejected, see {rejects}. The first: {count.first_rejected}")
