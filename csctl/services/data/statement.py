"""A gateway's own export, to compare the books with: `txn reconcile --against FILE`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from csctl.domain.comparison import Entry
from csctl.domain.states import Kind, State
from csctl.errors import CsctlError, Usage
from csctl.services.data.importing.cells import Cells, Form
from csctl.services.data.importing.passes import Passes
from csctl.services.data.mapping.language import Mappings
from csctl.services.payments.against import Records
from csctl.tabular.reading import Table

if TYPE_CHECKING:
    from csctl.app import App


_Line = tuple[str, Entry]  # a transaction of the file, after the name that the file has for it


def read(app: App, path: Path, mappings: Mappings) -> Records:
    """The transactions of a file, by a mapping of an import. Raises Usage for a row that cannot be read: a comparison
    that leaves rows out shows differences that do not exist. The same for a file without rows, which shows none.
    """
    with closing(Table(path, mappings.file.options)) as table:
        lines = list(_lines(app, Passes(table, mappings), mappings))
    totals = _totals(lines) if _has_totals(mappings) else None
    entries = [
        entry if totals is None else replace(entry, refunded=totals[name]) for name, entry in lines if entry.reference
    ]
    if not entries:
        raise Usage(
            f"{path.name} has no transaction with a reference at the gateway",
            fix="export the period again, and name the column: --map gateway_ref=COLUMN",
        )
    return Records(entries, listed=frozenset(entry.kind for entry in entries if entry.at is not None))


def _has_totals(mappings: Mappings) -> bool:
    """Whether the refunds of the file have no references: what it says is how much of a sale was refunded."""
    kinds = [(section.rules.get("kind"), section.rules) for section in mappings.sections]
    return any(rule and rule.constant == Kind.REFUND and "gateway_ref" not in rules for rule, rules in kinds)


def _lines(app: App, passes: Passes, mappings: Mappings) -> Iterator[_Line]:
    form = Form(mappings.file.decimal, mappings.file.minor)
    for section in mappings.sections:
        with passes.begin(section) as rows:
            for entry in rows.entries():
                if isinstance(entry.verdict, CsctlError):
                    raise entry.verdict
                cells = Cells(entry.number, entry.row.line, entry.values, app.clock.zone, form)
                try:
                    yield _line(cells)
                except Usage as error:
                    raise Usage(f"line {entry.row.line}: {error.message}", cause=error.cause, fix=error.fix) from None


def _line(cells: Cells) -> _Line:
    cells.check()
    kind, currency = cells.word("kind", Kind), cells.currency()
    if kind is None:
        raise Usage("kind is missing", fix="name its column: --map kind=COLUMN, or --map kind:=refund")
    if currency is None:
        raise Usage("currency is missing", fix="name its column: --map currency=COLUMN, or --map currency:=USD")
    entry = Entry(
        cells.text("gateway_ref") or "",
        kind,
        cells.word("state", State) or State.APPROVED,
        cells.amount("amount", currency),
        currency,
        sale_reference=cells.text("parent"),
        at=cells.time("created_at"),
    )
    return cells.text("external_id") or "", entry


def _totals(lines: list[_Line]) -> Counter[str]:
    """What was refunded of each sale, by the name that the file has for it. In minor units."""
    found: Counter[str] = Counter()
    for _, entry in lines:
        if entry.kind is Kind.REFUND and entry.sale_reference:
            found[entry.sale_reference] += entry.amount or 0
    return found
