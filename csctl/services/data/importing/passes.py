"""One pass after the other over a file, for the records of a section."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from csctl.errors import CsctlError
from csctl.services.data.importing.job import Entry
from csctl.services.data.mapping import header
from csctl.services.data.mapping.evaluation import Evaluation, records
from csctl.services.data.mapping.language import Mappings, Section
from csctl.tabular.reading import Table
from csctl.tabular.row import Row, Source


class Pass:
    """The records of a section, read once from the beginning. `skipped` are rows that are none of them."""

    def __init__(self, source: Source, mappings: Mappings, section: Section) -> None:
        self.source, self.section = source, section
        self.columns = source.columns
        names = None if self.columns is None else header.resolve(mappings, section, self.columns)
        self.evaluation = Evaluation(section, mappings.file, names, self.columns or ())
        self.skipped = 0

    def entries(self, *, keys_after: int | None = None) -> Iterator[Entry]:
        """The records in the order of the file. After so many, only their keys are read."""
        number, key = 0, self.section.kind.key
        for row in self.source:
            if row.problem:
                yield Entry(number, row, {}, row.problem)
                number += 1
                continue
            for cells, original in records(self.section, row.cells, row.original):
                self.evaluation.learn(cells)
                try:
                    if not self.evaluation.applies(cells):
                        self.skipped += 1
                        continue
                    whole = keys_after is None or number < keys_after
                    values = self.evaluation.values(cells) if whole else {key: self.evaluation.key(cells)}
                    entry = Entry(number, Row(row.line, original), values)
                except CsctlError as error:
                    entry = Entry(number, row, {}, error)
                yield entry
                number += 1


class Passes:
    """A file that is gone through several times, for one section after the other."""

    def __init__(self, table: Table, mappings: Mappings) -> None:
        self.table, self.mappings = table, mappings

    @contextmanager
    def begin(self, section: Section) -> Iterator[Pass]:
        """A pass. Raises Usage where the file cannot be what the section describes."""
        with self.table.rows(header.wanted(self.mappings.sections)) as source:
            yield Pass(source, self.mappings, section)

    def require(self, one: Pass, *, new_ones: bool) -> None:
        """Raises Usage where the columns cannot make the records."""
        if one.columns is not None:
            fields = one.evaluation.readers
            header.require(one.section, fields, one.columns, self.mappings.file, new_ones=new_ones)
