"""Rows of CSV."""

from __future__ import annotations

import csv
import re
from collections import deque
from collections.abc import Collection, Iterator
from typing import TextIO

from csctl.errors import Usage
from csctl.tabular.row import Row

_MOST_ABOVE = 20  # rows among which the header is looked for
_DELIMITER_LINE = re.compile(r'"?sep=(.)"?\s*')  # Excel's own first line


class _Lines:
    """The lines of a file. Those of the record that is being read are kept, and can be given back. `ended`: it went on
    to the end of the file.
    """

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._again: deque[str] = deque()
        self.number = 0  # of the last line
        self.begin()

    def begin(self) -> None:
        self.record: list[str] = []
        self.ended = False

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else next(self._file, None)
        if line is None:
            self.ended = True
            raise StopIteration
        self.record.append(line)
        self.number += 1
        return line

    def give_back(self, number: int) -> None:
        """Have the last lines read again."""
        kept = len(self.record) - number
        self._again.extendleft(reversed(self.record[kept:]))
        self.number -= number


class CsvSource:
    """Rows of a CSV file. Its header is the first row with a column that is `wanted`, else the first row at all."""

    def __init__(self, file: TextIO, delimiter: str, wanted: Collection[str], skip_lines: int = 0) -> None:
        self._lines = _Lines(file)
        self._skip(skip_lines)
        self.delimiter = self._own_delimiter() or delimiter
        self._reader = csv.reader(self._lines, delimiter=self.delimiter, strict=True)
        self.columns: list[str] | None = self._header({name.casefold() for name in wanted})
        self.above = self._lines.number - 1 if self.columns else 0
        if any("\0" in name or any("\ud800" <= char <= "\udfff" for char in name) for name in self.columns or ()):
            raise Usage(
                "the header is not UTF-8",
                cause="the file has another encoding, or is not a text file",
                fix="name its encoding: --encoding cp1252, or utf-16",
            )

    def __iter__(self) -> Iterator[Row]:
        header = self.columns or []
        while True:
            self._lines.begin()
            line = self._lines.number + 1
            try:
                original = next(self._reader, None)
            except csv.Error as error:
                yield self._unreadable(line, header, error)
            else:
                if original is None:
                    return
                if any(cell.strip() for cell in original):
                    yield self._row(line, header, original)

    def _skip(self, lines: int) -> None:
        for _ in range(lines):
            next(self._lines, None)
        self._lines.begin()

    def _own_delimiter(self) -> str | None:
        """The delimiter that the first line names, if it is such a line."""
        match = _DELIMITER_LINE.fullmatch(next(self._lines, ""))
        if match is None:
            self._lines.give_back(len(self._lines.record))
        self._lines.begin()
        return match and match[1]

    def _header(self, wanted: set[str]) -> list[str]:
        """The header; where none of the first rows has a wanted column, the first row."""
        kept: list[str] = []
        for _ in range(_MOST_ABOVE):
            try:
                names = [name.strip() for name in next(self._reader)]
            except StopIteration:
                break
            except csv.Error as error:
                raise Usage(
                    "the header cannot be read as CSV", cause=str(error), fix="--skip-lines N for what is above it"
                ) from None
            if any(names) and not (wanted and wanted.isdisjoint(name.casefold() for name in names)):
                return names
            if not kept and any(names):
                kept, first = names, len(self._lines.record)
        if not kept:
            return []
        self._lines.give_back(len(self._lines.record) - first)
        return kept

    def _unreadable(self, line: int, header: list[str], error: csv.Error) -> Row:
        """An invalid row, as its text."""
        lines = self._lines.record
        own = self._own(lines, header)
        self._lines.give_back(len(lines) - own)
        what = "the row" if own == 1 else f"the row, with all up to line {line + own - 1},"
        cause, fix = str(error), "close the quotes of a cell, and double those in it"
        if cause.startswith("field larger"):
            cause = f"a cell has more than {csv.field_size_limit():,} characters"
            fix = "shorten it; if it is long because a quote is open, close that"
        problem = Usage(f"{what} cannot be read as CSV", cause=cause, fix=fix)
        return Row(line, "".join(lines[:own]).rstrip("\r\n"), problem=problem)

    def _own(self, lines: list[str], header: list[str]) -> int:
        """The number of lines of an invalid record.

        An unclosed quote includes what follows, to the end or to the next quote. There the record ends
        where the next line is a row by itself. Lines of a cell that was closed are left together: such a line may look
        like a row, and is none.
        """
        unclosed = self._lines.ended or sum(map(len, lines)) > csv.field_size_limit()
        if not unclosed and not self._is_row(lines[-1], header):
            return len(lines)
        return next((place for place in range(1, len(lines)) if self._is_row(lines[place], header)), len(lines))

    def _is_row(self, text: str, header: list[str]) -> bool:
        try:
            cells = next(csv.reader([text], delimiter=self.delimiter, strict=True), [])
        except csv.Error:
            return False
        return len(cells) == len(header) and text.count('"') % 2 == 0

    def _row(self, line: int, header: list[str], original: list[str]) -> Row:
        problem = None
        if len(original) != len(header):
            problem = Usage(f"the row has {len(original)} cells, the header {len(header)}")
        return Row(line, original, dict(zip(header, original, strict=False)), problem)
