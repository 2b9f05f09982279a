"""Pages of text for a terminal: headings, labels with values, and columns of which the last one wraps."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable, Sequence
from datetime import date, datetime, tzinfo
from typing import Any

from csctl.domain.text import printable

from .formats import moment

_WIDEST = 100  # columns; longer lines are hard to read on any terminal
_NARROWEST = 20  # columns; a narrower last column is printed below its row
_GAP = "  "


class Sheet:
    """Lines of text, at most as wide as the terminal (80 on a pipe), with control characters made harmless."""

    def __init__(self, zone: tzinfo) -> None:
        columns = shutil.get_terminal_size().columns if sys.stdout.isatty() else 80
        self.width = max(40, min(columns, _WIDEST))
        self._zone = zone
        self._lines: list[str] = []

    def __str__(self) -> str:
        return "\n".join(line.rstrip() for line in self._lines)

    def line(self, text: str = "", indent: int = 0) -> None:
        """Add a text, wrapped; without one, an empty line."""
        margin = " " * indent
        self._lines += [margin + part for part in wrapped(text, self.width - indent)]

    def heading(self, text: str) -> None:
        """Add an empty line and a heading."""
        self._lines.append("")
        self.line(text.upper())

    def facts(self, pairs: Iterable[tuple[str, Any]]) -> None:
        """Add one line for each label whose value is known."""
        self.columns([[label, self._full(value)] for label, value in pairs if value not in (None, "", 0)])

    def side_by_side(self, left: Sequence[str], right: Sequence[str]) -> None:
        """Add two blocks of lines beside each other."""
        half = (self.width - len(_GAP)) // 2
        columns = [[part for line in lines for part in wrapped(line, half)] for lines in (left, right)]
        for place in range(max(map(len, columns))):
            one, other = (column[place] if place < len(column) else "" for column in columns)
            self._lines.append(f"{padded(one, half)}{_GAP}{other}")

    def columns(self, rows: Sequence[Sequence[str]], *, right: Iterable[int] = (), indent: int = 0) -> None:
        """Add rows in aligned columns; those in `right` are aligned to the right, the last one wraps."""
        if not rows:
            return
        widths = [max(wide(row[place]) for row in rows) for place in range(len(rows[0]) - 1)]
        start = indent + sum(widths) + len(_GAP) * len(widths)
        if start > self.width:  # too wide even without the last column
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
        """A value for a person to read: times in the shop's zone, to the minute."""
        if value is None:
            return ""
        if isinstance(value, datetime):
            return value.astimezone(self._zone).isoformat(sep=" ", timespec="minutes")[:16]
        return str(value)

    def _full(self, value: Any) -> str:
        """The same, with the offset of the zone."""
        return moment(value, self._zone) if isinstance(value, datetime) else self.cell(value)

    def day(self, value: date | None) -> str:
        """A date, or the day of a time."""
        return self.cell(value)[:10]


def wide(text: str) -> int:
    """The number of terminal columns that a text takes."""
    from wcwidth import wcswidth  # imported only where a page is printed

    shown = printable(text)
    return max(wcswidth(shown), 0)


def padded(text: str, width: int, *, right: bool = False) -> str:
    """A text filled with spaces to this width, on the left if it is aligned to the `right`."""
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
    """A word, cut into pieces if it is too long for a line."""
    if wide(word) <= width:
        return [word]
    pieces = [""]
    for char in word:
        if wide(pieces[-1] + char) > width:
            pieces.append("")
        pieces[-1] += char
    return pieces
