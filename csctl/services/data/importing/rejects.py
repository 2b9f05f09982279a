"""The file of rows that were refused: as they came, with their line and the reason, to be mended and imported."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path
from typing import Any, TextIO

from csctl.card_numbers import blotted_out
from csctl.domain.spreadsheet import neutralised, restored
from csctl.errors import CsctlError, Misconfigured, Usage
from csctl.services.data.importing.mapping import Mapping
from csctl.services.data.importing.source import STDIN, Row

_ADDED = ("line", "reason")


class Rejects:
    """Made at the first refused row. It holds what people are called, so that only its owner may read it."""

    def __init__(self, source: Path, given: Path | None, kind: str, format: str, delimiter: str) -> None:
        self._format, self._delimiter = format, delimiter
        self._header: list[str] = []
        self._mapping = Mapping()
        self._file: TextIO | None = None
        self._writer: Any = None
        self.path: Path | None = None
        stem = kind if source == STDIN else source.stem
        name = f"{stem}.rejects.{format}"
        self._candidates = [given] if given else [source.parent / name, Path(name)]
        if given and (given.is_dir() or not given.parent.is_dir()):
            raise Usage(f"cannot write {given}", fix="name a file in a directory that is there: --rejects PATH")
        if given and source != STDIN and given.resolve() == source.resolve():
            raise Usage("--rejects names the file that is read", fix="give the rejects a file of their own")

    def expect(self, header: list[str] | None, mapping: Mapping) -> None:
        """Learn the columns before the first row is added."""
        self._header, self._mapping = [name for name in header or [] if name not in _ADDED], mapping
        self._dropped = {place for place, name in enumerate(header or []) if name in _ADDED}

    def add(self, row: Row, error: CsctlError) -> None:
        file = self._file or self._open()
        reason = " - ".join(part for part in (error.message, error.cause, error.fix) if part)
        if isinstance(row.original, dict):
            kept = self._blotted_object(row.original)
            file.write(json.dumps({**kept, "line": row.line, "reason": reason}) + "\n")
        else:
            # In front, where they stay what they are in a row with too few cells or too many.
            added = [row.line, neutralised(reason)]
            self._writer.writerow([*added, *(neutralised(restored(cell)) for cell in self._cells(row.original))])

    def _cells(self, original: list[str] | str) -> list[str]:
        """The cells of a row as they came, one too few or too many as well: so it is refused until it is mended."""
        if isinstance(original, str):
            whole = blotted_out(original)
            return [whole, ""] if len(self._header) == 1 else [whole]
        cells = [cell for place, cell in enumerate(original) if place not in self._dropped]
        if len(cells) != len(self._header):  # nobody knows which cell belongs to which column
            return [blotted_out(cell) for cell in cells]
        return [self._blotted(name, cell) for name, cell in zip(self._header, cells, strict=True)]

    def close(self) -> None:
        if self._file:
            self._file.close()

    def _blotted(self, column: str, text: str) -> str:
        """No card number is written anywhere, not even back."""
        return text if self._mapping.is_reference(column) else blotted_out(text)

    def _blotted_object(self, values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
        return {name: self._blotted_value(f"{prefix}{name}", value) for name, value in values.items()}

    def _blotted_value(self, column: str, value: Any) -> Any:
        if isinstance(value, dict):
            return self._blotted_object(value, f"{column}_")
        if isinstance(value, list):
            return [self._blotted_value(column, one) for one in value]
        return self._blotted(column, value) if isinstance(value, str) else value

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


def _private(path: Path) -> TextIO:
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    return open(descriptor, "w", encoding="utf-8", errors="surrogateescape", newline="")
