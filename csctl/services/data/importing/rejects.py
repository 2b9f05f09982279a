"""The file of rows that were refused: as they came, with their line and the reason, to be corrected and imported."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, TextIO

from csctl.card_numbers import redacted
from csctl.domain.spreadsheet import neutralised, unwrapped
from csctl.errors import CsctlError, Misconfigured, Usage
from csctl.tabular.options import STDIN
from csctl.tabular.row import Row

_ADDED = ("line", "reason")


class Origin(Protocol):
    """Where the rows come from, after which their file of rejects is named and written."""

    @property
    def path(self) -> Path: ...
    @property
    def format(self) -> str: ...
    @property
    def delimiter(self) -> str: ...


class Rejects:
    """Made at the first refused row. It holds what people are called, so that only its owner may read it.

    No card number is written into it, not even back.
    """

    def __init__(
        self, table: Origin, given: Path | None, name: str, header: list[str] | None, *, several: bool
    ) -> None:
        """`name` is that of the section, which the name of the file has where there are `several`."""
        source, self._format, self._delimiter = table.path, table.format, table.delimiter
        self._header = [column for column in header or [] if column not in _ADDED]
        self._dropped = {place for place, column in enumerate(header or []) if column in _ADDED}
        self._file: TextIO | None = None
        self._writer: Any = None
        self.path: Path | None = None
        stem = source.name.removesuffix(".gz").rpartition(".")[0] or source.name
        stem = name if source == STDIN else f"{stem}.{name}" if several else stem
        file = f"{stem}.rejects.{self._format}"
        self._candidates = [given] if given else [source.parent / file, Path(file)]
        if given and (given.is_dir() or not given.parent.is_dir()):
            raise Usage(f"cannot write {given}", fix="name a file in a directory that exists: --rejects PATH")
        if given and source != STDIN and given.resolve() == source.resolve():
            raise Usage("--rejects names the file that is read", fix="give the rejects a file of their own")

    def add(self, row: Row, error: CsctlError) -> None:
        file = self._file or self._open()
        reason = " - ".join(part for part in (error.message, error.cause, error.fix) if part)
        if isinstance(row.original, Mapping):
            kept = {name: _redacted(value) for name, value in row.original.items()}
            file.write(json.dumps({**kept, "line": row.line, "reason": reason}) + "\n")
        else:
            # In front, where they stay what they are in a row with too few cells or too many.
            added = [row.line, neutralised(reason)]
            self._writer.writerow([*added, *map(_written, self._cells(row.original))])

    def close(self) -> None:
        if self._file:
            self._file.close()

    def _cells(self, original: list[str] | str) -> list[str]:
        """The cells of a row as they came, one too few or too many as well: so it is refused until it is corrected."""
        if isinstance(original, str):
            return [original, ""] if len(self._header) == 1 else [original]
        return [cell for place, cell in enumerate(original) if place not in self._dropped]

    def _open(self) -> TextIO:
        problem: OSError | None = None
        for path in self._candidates:
            try:
                self._file = _private(path)
            except OSError as error:
                problem = error
                continue
            self.path = path
            if self._format == "csv":
                self._writer = csv.writer(self._file, delimiter=self._delimiter, lineterminator="\n")
                self._writer.writerow([*_ADDED, *self._header])
            return self._file
        raise Misconfigured(
            f"cannot write the rejects to {self._candidates[-1]}",
            cause=problem.strerror if problem else None,
            fix="--rejects PATH",
        )


def _written(cell: str) -> str:
    """A cell as it was in the file, which csctl reads in the same way again."""
    masked = redacted(cell)
    return masked if cell.startswith("'") or unwrapped(cell) != cell else neutralised(masked)


def _redacted(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _redacted(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_redacted(one) for one in value]
    return redacted(value) if isinstance(value, str) else value


def _private(path: Path) -> TextIO:
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    return open(descriptor, "w", encoding="utf-8", errors="surrogateescape", newline="")
