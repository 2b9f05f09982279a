"""Text laid out for a terminal: headings, facts, and columns of which the last one wraps."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable, Sequence
from datetime import date, datetime, tzinfo
from typing import Any

from csctl.domain.text import printable

_WIDEST = 100  # lines longer than that are hard to read, however wide the terminal
_NARROWEST = 20  # a last column narrower than that goes below its row
_GAP = "  "


class Sheet:
    """Lines of text, at most as wide as the terminal (80 on a pipe). Nothing in them would act on a terminal."""

    def __init__(self, zone: tzinfo) -> None:
        columns = shutil.get_terminal_size().columns if sys.stdout.isatty() else 80
        self.width = max(40, min(columns, _WIDEST))
        self._zone = zone
        self._lines: list[str] = []

    def __str__(self) -> str:
        return "\n".join(line.rstrip() for line in self._lines)

    def line(self, text: str = "", indent: int = 0) -> None:
        margin = " " * indent
        self._lines += [margin + part for part in wrapped(text, self.width - indent)]

    def heading(self, text: str) -> None:
        self._lines.append("")
        self.line(text.upper())

    def facts(self, pairs: Iterable[tuple[str, Any]]) -> None:
        """One line for each thing that is known."""
        self.columns([[label, self._full(value)] for label, value in pairs if value not in (None, "", 0)])

    def side_by_side(self, left: Sequence[str], right: Sequence[str]) -> None:
        half = (self.width - len(_GAP)) // 2
        columns = [[part for line in lines for part in wrapped(line, half)] for lines in (left, right)]
        for place in range(max(map(len, columns))):
            one, other = (column[place] if place < len(column) else "" for column in columns)
            self._lines.append(f"{padded(one, half)}{_GAP}{other}")

    def columns(self, rows: Sequence[Sequence[str]], *, right: Iterable[int] = (), indent: int = 0) -> None:
        """Rows whose cells stand below each other; those of `right` are aligned to the right, the last one wraps."""
        if not rows:
            return
        widths = [max(wide(row[place]) for row in rows) for place in range(len(rows[0]) - 1)]
        start = indent + sum(widths) + len(_GAP) * len(widths)
        if start > self.width:  # not even without the last one
            for row in rows:
                self.line(_GAP.join(cell for cell in row if cell), indent)
            return
        for *cells, last in rows:
            aligned = [padded(c, widths[place], right=place in set(right)) for place, c in enumerate(cells)]
            head = " " * indent + "".join(cell + _GAP for cell in aligned)
            if self.width - start >= min(_NARROWEST, wide(last)):
                first, *more = wrapped(last, self.width - start)
                self._lines += [head + first, *(" " * start + part for part in more)]
            else:
                self._lines.append(head)
                self.line(last, indent + 4)

    def cell(self, value: Any) -> str:
        """A value as people read it: times in the shop's zone, to the minute."""
        if value is None:
            return ""
        if isinstance(value, datetime):
            return value.astimezone(self._zone).isoformat(sep=" ", timespec="minutes")[:16]
        return str(value)

    def _full(self, value: Any) -> str:
        """The same, with the zone's offset."""
        if not isinstance(value, datetime):
            return self.cell(value)
        offset = value.astimezone(self._zone).isoformat()[-6:]
        return f"{self.cell(value)} {offset}"

    def day(self, value: date | None) -> str:
        return self.cell(value)[:10]


def wide(text: str) -> int:
    """How many columns of a terminal a text takes."""
    from wcwidth import wcswidth  # only where something is laid out

    shown = printable(text)
    return max(wcswidth(shown), 0)


def padded(text: str, width: int, *, right: bool = False) -> str:
    shown = printable(text)
    space = " " * (width - wide(shown))
    return space + shown if right else shown + space


def wrapped(text: str, width: int) -> list[str]:
    """The lines of a text, none wider than `width`; at least one."""
    return [part for line in text.split("\n") for part in _wrapped_line(printable(line), width)]


def _wrapped_line(line: str, width: int) -> list[str]:
    parts = [""]
    for word in line.split(" "):
        for piece in _pieces(word, width):
            joined = f"{parts[-1]} {piece}" if parts[-1] else piece
            if wide(joined) <= width:
                parts[-1] = joined
            else:
                parts.append(piece)
    return parts


def _pieces(word: str, width: int) -> list[str]:
    """A word, in pieces if it is too long for a line."""
    if wide(word) <= width:
        return [word]
    pieces = [""]
    for char in word:
        if wide(pieces[-1] + char) > width:
            pieces.append("")
        pieces[-1] += char
    return pieces
