"""Batches of records, each kept by itself, so that memory stays flat."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError

from csctl.errors import Conflict, CsctlError, Usage
from csctl.services.data.importing import sample
from csctl.services.data.importing.cells import Cells, Form
from csctl.services.data.importing.context import Context, Importer, Missing, RowOutcome, Warnings
from csctl.services.data.importing.customers import Customers
from csctl.services.data.importing.fulfillments import Fulfillments
from csctl.services.data.importing.job import SAMPLES, Count, Entry, Verdict
from csctl.services.data.importing.orders import Orders
from csctl.services.data.importing.payment_methods import PaymentMethods
from csctl.services.data.importing.products import Products
from csctl.services.data.importing.purchases import Purchases
from csctl.services.data.importing.queue import Queue
from csctl.services.data.importing.transactions import Transactions
from csctl.services.data.mapping.language import FileRules, Section
from csctl.tabular.row import Original

if TYPE_CHECKING:
    from csctl.app import App

BATCH = 1000  # records that are kept together, with the same few queries
IMPORTERS: dict[str, type[Importer]] = {
    "customers": Customers,
    "payment-methods": PaymentMethods,
    "products": Products,
    "orders": Orders,
    "purchases": Purchases,
    "transactions": Transactions,
    "fulfillments": Fulfillments,
    "queue": Queue,
}
_TOTALS, _FEW = ("total", "totals", "grand total", "sum", "subtotal"), 2
Begin = Callable[[], AbstractContextManager[Session]]


def batches(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    remaining = iter(entries)
    while batch := list(islice(remaining, BATCH)):
        yield batch


@contextmanager
def transactions(app: App, *, dry_run: bool) -> Iterator[Begin]:
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


def _where_rows_may_be(original: Original) -> str | None:
    """The path of a list of objects in a JSON document that was taken for a row."""
    if not isinstance(original, dict):
        return None
    lists = (
        name for name, value in original.items() if isinstance(value, list) and value and isinstance(value[0], dict)
    )
    path = next(lists, None)
    return f"if {path} holds the rows: --items {path}" if path else None


def _note_cause(error: CsctlError, context: Context) -> None:
    """Say of a record that is missing on which line it was rejected."""
    if isinstance(error, Missing) and (line := context.rejected.get((error.kind, error.key))):
        error.cause, error.fix = f"it was rejected: line {line}", "correct that line first"
    elif isinstance(error, Missing) and context.previous:
        before = f"csctl data import all FILE --from {context.previous}"
        error.fix = f"import it first: {before}; if that rejected it, correct its row there first"


class Batches:
    """Keeps one batch after the other."""

    def __init__(self, begin: Begin, section: Section, file: FileRules, context: Context, count: Count) -> None:
        self.section = section
        self._begin, self._context, self._count = begin, context, count
        by = {field: rule.by for field, rule in section.rules.items() if rule.by}
        self._form = Form(file.decimal, file.minor, by, section.known_by, section.total)
        self.last = False  # what refers to a record that has not come is refused

    def keep(self, entries: list[Entry], *, again: bool = True) -> list[Verdict]:
        """The outcome of each record. Where the database refuses a batch, another import may just have stored its
        records: it is tried again, and then in halves, until the record that is refused is alone.
        """
        context = replace(self._context, warnings=Warnings())
        try:
            with self._begin() as session:
                verdicts = self._store(session, context, entries)
        except (IntegrityError, StaleDataError):
            if again:
                return self.keep(entries, again=False)
            if len(entries) == 1:
                clash = Conflict("it conflicts with another record", cause="another process may be changing it")
                return [(entries[0], clash)]
            middle = len(entries) // 2
            halves = entries[:middle], entries[middle:]
            return [verdict for half in halves for verdict in self.keep(half, again=False)]
        self._count.warnings.extend(context.warnings)
        return verdicts

    def _store(self, session: Session, context: Context, entries: list[Entry]) -> list[Verdict]:
        verdicts: dict[int, RowOutcome | CsctlError] = {}
        readable: list[Cells] = []
        for place, entry in enumerate(entries):
            if entry.verdict is not None:
                verdicts[place] = entry.verdict
                continue
            try:
                readable.append(self._read(place, entry, context))
            except CsctlError as error:
                verdicts[place] = error
        importer = IMPORTERS[self.section.kind.name](session, context)
        for cells in importer.prepare(readable):
            with session.no_autoflush:
                try:
                    verdicts[cells.place] = importer.put(cells)
                except CsctlError as error:
                    verdicts[cells.place] = error
                    _note_cause(error, context)
        if context.dry_run:
            self._show(importer, readable, verdicts)
        importer.finish()
        session.flush()
        return [(entry, verdicts[place]) for place, entry in enumerate(entries)]

    def _read(self, place: int, entry: Entry, context: Context) -> Cells:
        cells = Cells(place, entry.row.line, entry.values, context.zone, self._form)
        if self.section.kind.key not in cells:
            raise Usage(f"{self.section.kind.key} is missing", fix=_where_rows_may_be(entry.row.original))
        if (cells.text(self.section.kind.key) or "").casefold() in _TOTALS and len(entry.values) <= _FEW:
            raise Usage("the row looks like a line of totals", cause="it is not a record", fix="delete it")
        if cells.split_addresses():
            context.warnings.add("addresses of several lines were kept as line 1 and 2", f"line {entry.row.line}")
        cells.check()
        return cells

    def _show(self, importer: Importer, readable: list[Cells], verdicts: dict[int, RowOutcome | CsctlError]) -> None:
        """Keep the first records of a dry run, as they would be stored."""
        for cells in readable[: SAMPLES * 2]:
            if len(self._count.sample) >= SAMPLES:
                return
            key = cells.text(self.section.kind.key) or ""
            if isinstance(verdicts[cells.place], RowOutcome) and (record := importer.record(key)) is not None:
                self._count.sample.append(sample.of(record, self.section.kind, cells))
