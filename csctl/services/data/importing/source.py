"""Reading rows from CSV and JSONL, one at a time, whatever is wrong with them."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TextIO

from csctl.domain.spreadsheet import restored
from csctl.errors import Usage

FORMATS = ("csv", "jsonl")
STDIN = Path("-")
_JSON_ENDINGS = (".jsonl", ".ndjson", ".json")


@dataclass(frozen=True)
class Row:
    """One row. `cells` are its texts by column; `original` is what is written back if it is refused: of a row
    that has no cells, its text.
    """

    line: int
    original: list[str] | dict[str, Any] | str
    cells: Mapping[str, str] = field(default_factory=dict)
    problem: Usage | None = None


class Source(Protocol):
    """Rows of a file. `columns` are those of its header; None where each row names its own."""

    columns: list[str] | None

    def __iter__(self) -> Iterator[Row]: ...


def format_of(path: Path, given: str | None) -> str:
    """The format that was asked for, else the one that the file's name says."""
    return given or ("jsonl" if path.suffix.lower() in _JSON_ENDINGS else "csv")


@contextmanager
def opened(path: Path, format: str, delimiter: str) -> Iterator[Source]:
    """The rows of a file, `-` being standard input. Raises Usage for one that cannot be read as a whole."""
    if path == STDIN and sys.stdin.isatty():
        raise Usage("- reads standard input, and that is a terminal", fix="pipe a file in, or name it")
    try:
        with _text(path) as file:
            source: Source = JsonSource(file) if format == "jsonl" else CsvSource(file, delimiter)
            yield source
    except OSError as error:
        if path == STDIN or error.filename != str(path):
            raise
        raise Usage(f"cannot read {path}", cause=error.strerror) from None


@contextmanager
def _text(path: Path) -> Iterator[TextIO]:
    """Bytes that are not UTF-8 come as surrogates: their row is refused, and written back as it was."""
    if path != STDIN:
        with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
            yield file
        return
    text = io.TextIOWrapper(sys.stdin.buffer, encoding="utf-8-sig", errors="surrogateescape", newline="")
    try:
        yield text
    finally:
        text.detach()


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
    """Rows of a CSV file. Its first line is the header."""

    def __init__(self, file: TextIO, delimiter: str) -> None:
        self._delimiter = delimiter
        self._lines = _Lines(file)
        self._reader = csv.reader(self._lines, delimiter=delimiter, strict=True)
        try:
            self.columns: list[str] | None = [name.strip() for name in next(self._reader, [])]
        except csv.Error as error:
            raise Usage("the header cannot be read as CSV", cause=str(error)) from None
        if any("\0" in name or any("\ud800" <= char <= "\udfff" for char in name) for name in self.columns):
            raise Usage(
                "the header is not UTF-8",
                cause="the file has another encoding, or is not a text file",
                fix="iconv -f UTF-16 -t UTF-8 FILE > new.csv",
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

    def _unreadable(self, line: int, header: list[str], error: csv.Error) -> Row:
        """A row that is no CSV, as its text."""
        lines = self._lines.record
        own = self._own(lines, header)
        self._lines.give_back(len(lines) - own)
        what = "the row" if own == 1 else f"the row, with all up to line {line + own - 1},"
        problem = Usage(
            f"{what} cannot be read as CSV", cause=str(error), fix="close the quotes of a cell, and double those in it"
        )
        return Row(line, "".join(lines[:own]).rstrip("\r\n"), problem=problem)

    def _own(self, lines: list[str], header: list[str]) -> int:
        """How many lines belong to a record that is no CSV.

        A quote that nobody closed takes along what follows, to the end or to the next quote. There the record ends
        where the next line is a row by itself. Lines of a cell that was closed are left together: such a line may look
        like a row, and is none.
        """
        unclosed = self._lines.ended or sum(map(len, lines)) > csv.field_size_limit()
        if not unclosed and not self._is_row(lines[-1], header):
            return len(lines)
        return next((place for place in range(1, len(lines)) if self._is_row(lines[place], header)), len(lines))

    def _is_row(self, text: str, header: list[str]) -> bool:
        try:
            cells = next(csv.reader([text], delimiter=self._delimiter, strict=True), [])
        except csv.Error:
            return False
        return len(cells) == len(header) and text.count('"') % 2 == 0

    def _row(self, line: int, header: list[str], original: list[str]) -> Row:
        problem = None
        if len(original) != len(header):
            problem = Usage(f"the row has {len(original)} cells, the header {len(header)}")
        cells = {name: restored(cell) for name, cell in zip(header, original, strict=False)}
        return Row(line, original, cells, problem)


class JsonSource:
    """Rows of a file with one JSON object a line. Objects in objects are taken apart: `billing_city`."""

    def __init__(self, file: TextIO) -> None:
        self.columns: list[str] | None = None
        self._file = file

    def __iter__(self) -> Iterator[Row]:
        for line, text in enumerate(self._file, start=1):
            if text.strip():
                yield self._row(line, text)

    def _row(self, line: int, text: str) -> Row:
        if line == 1 and text.lstrip().startswith("["):
            raise Usage("the file is one JSON array", fix="write one object a line: jq -c '.[]' FILE > new.jsonl")
        try:
            # Numbers stay the text that they are: 19.99 is no float.
            original = json.loads(text, parse_float=str, parse_int=str, parse_constant=str)
        except (ValueError, RecursionError) as error:
            return Row(line, {"text": text.strip()}, problem=Usage("the line is not JSON", cause=str(error)))
        if not isinstance(original, dict):
            return Row(line, {"text": text.strip()}, problem=Usage("the line is not a JSON object"))
        return Row(line, original, dict(_flat(original)))


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}_")
        elif isinstance(value, bool):
            yield f"{prefix}{name}", "true" if value else "false"
        elif value is not None:
            yield f"{prefix}{name}", value if isinstance(value, str) else json.dumps(value)
