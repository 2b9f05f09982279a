"""The values to blacklist, from the command line and from CSV files."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from csctl.domain.blacklist import KINDS
from csctl.domain.spreadsheet import restored
from csctl.errors import CsctlError, Usage
from csctl.tabular.options import FileOptions
from csctl.tabular.reading import Table
from csctl.tabular.row import Row

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


def wanted(
    values: Sequence[tuple[str, str]], file: Path | None, reason: str | None, form: FileOptions | None = None
) -> list[Wanted]:
    """All requested values: pairs of kind and value, and the lines of a file.

    Raises Usage without any value or reason.
    """
    if values and not (reason or "").strip():
        raise Usage("a blacklisting needs a reason", fix="--reason 'chargebacks'")
    if not values and file is None:
        raise Usage("nothing to blacklist", fix="csctl blacklist add --email jane@example.com --reason 'chargebacks'")
    return [Wanted(kind, value, reason or "") for kind, value in values] + (read(file, reason, form) if file else [])


def read(path: Path, reason: str | None, form: FileOptions | None = None) -> list[Wanted]:
    """The lines of a file with the columns kind, value and reason; `-` is standard input.

    `reason` is for lines without one of their own. Raises Usage for a file that cannot be read as a whole.
    """
    with closing(Table(path, form or FileOptions())) as table, table.rows(_COLUMNS) as source:
        if source.columns == []:
            return []
        header = [name.casefold() for name in source.columns or ()]
        if source.columns is not None and not ({"kind", "value"} <= set(header) <= set(_COLUMNS)):
            raise Usage(
                f"a blacklist file has the columns {', '.join(_COLUMNS)}",
                cause=f"this one has {', '.join(source.columns)}"[:200],
                fix=f"name the columns so, or name its --delimiter; a kind is one of: {', '.join(KINDS)}",
            )
        return [_line(row.line, _cells(path, row), reason) for row in source]


def _cells(path: Path, row: Row) -> dict[str, str]:
    if isinstance(row.original, str):
        raise Usage(f"line {row.line} cannot be read as CSV", cause=row.problem.cause if row.problem else None)
    csv = isinstance(row.original, list)
    cells = {name.casefold(): (restored(text.strip()) if csv else text).strip() for name, text in row.cells.items()}
    if any("\ud800" <= char <= "\udfff" for text in cells.values() for char in text):
        raise Usage(f"cannot read {path}", cause="it is not UTF-8", fix="name its encoding: --encoding cp1252")
    return {name: cells.get(name, "") for name in _COLUMNS}


def _line(number: int, cells: dict[str, str], reason: str | None) -> Wanted:
    kind, problem = cells["kind"].lower(), None
    if kind not in KINDS:
        problem = Usage(f"line {number}: {kind[:40]!r} is not a kind", fix=f"one of: {', '.join(KINDS)}")
    elif not cells["value"]:
        problem = Usage(f"line {number} has no value")
    return Wanted(kind, cells["value"], cells.get("reason") or reason or "", number, problem)
