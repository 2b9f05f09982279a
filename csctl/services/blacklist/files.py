"""The values to blacklist, from the command line and from CSV files."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from csctl.domain.blacklist import KINDS
from csctl.errors import CsctlError, Usage

_COLUMNS = ("kind", "value", "reason")


@dataclass(frozen=True)
class Wanted:
    """A value to blacklist. An invalid line of a file has a `problem`."""

    kind: str
    value: str
    reason: str
    line: int | None = None
    problem: CsctlError | None = None

    @property
    def given(self) -> str:
        """The name in results without an id: never the value, which may be a card number that was typed by mistake."""
        return f"line {self.line}" if self.line else self.value if self.kind == "customer" else self.kind


def wanted(values: Sequence[tuple[str, str]], file: Path | None, reason: str | None) -> list[Wanted]:
    """All requested values: pairs of kind and value, and the lines of a file.

    Raises Usage without any value or reason.
    """
    if values and not (reason or "").strip():
        raise Usage("a blacklisting needs a reason", fix="--reason 'chargebacks'")
    if not values and file is None:
        raise Usage("nothing to blacklist", fix="csctl blacklist add --email jane@example.com --reason 'chargebacks'")
    return [Wanted(kind, value, reason or "") for kind, value in values] + (read(file, reason) if file else [])


def read(path: Path, reason: str | None) -> list[Wanted]:
    """The lines of a file with the columns kind, value and reason; `-` is standard input.

    `reason` is for lines without one of their own. Raises Usage for a file that cannot be read as a whole.
    """
    if str(path) == "-":
        if sys.stdin.isatty():
            raise Usage("- reads standard input, and that is a terminal", fix="pipe a CSV file in, or name it")
        return list(_lines(sys.stdin, reason))
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return list(_lines(file, reason))
    except (OSError, ValueError) as error:
        cause = "it is not UTF-8" if isinstance(error, UnicodeError) else getattr(error, "strerror", None)
        raise Usage(f"cannot read {path}", cause=cause or "invalid file name") from None


def _lines(file: TextIO, reason: str | None) -> Iterator[Wanted]:
    reader = csv.DictReader(file, strict=True)
    try:
        header = [name.strip() for name in reader.fieldnames or []]
        if not {"kind", "value"} <= set(header) or not set(header) <= set(_COLUMNS):
            raise Usage(f"a blacklist file has the columns {', '.join(_COLUMNS)}", cause=f"this one has {header}"[:200])
        reader.fieldnames = header
        for cells in reader:
            yield _line(reader.line_num, {name: str(cell or "").strip() for name, cell in cells.items()}, reason)
    except csv.Error as error:
        raise Usage(f"line {reader.line_num} cannot be read as CSV", cause=str(error)) from None


def _line(number: int, cells: dict[str, str], reason: str | None) -> Wanted:
    kind, problem = cells["kind"].lower(), None
    if kind not in KINDS:
        problem = Usage(f"line {number}: {kind[:40]!r} is not a kind", fix=f"one of: {', '.join(KINDS)}")
    elif not cells["value"]:
        problem = Usage(f"line {number} has no value")
    return Wanted(kind, cells["value"], cells.get("reason") or reason or "", number, problem)
