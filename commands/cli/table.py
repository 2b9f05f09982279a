"""Tables of text: of any width on a pipe, fitted to the terminal on one."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Container, Sequence

_NARROWEST = 8  # a column is not cut below this width
_GAP = 2


def drawn(
    rows: Sequence[Sequence[str]],
    headers: Sequence[str],
    *,
    whole: Container[str] = (),
    head: Callable[[str], str] = lambda line: line,
) -> str:
    """A table that fits the terminal; on a pipe nothing is cut.

    Where it is too wide, columns without any value are left out. Then others are cut, but never those called `whole`
    (ids, times). If that leaves too little room, each row becomes a block with one line for each field. `head` styles
    the line of headers.
    """
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    fitted = [list(headers), *[list(row) for row in rows]]
    if width is not None and headers:
        if rows and _too_wide(_natural(fitted), width):
            filled = [place for place in range(len(headers)) if any(row[place] for row in rows)]
            fitted = [[row[place] for place in filled] for row in fitted]
        if (widths := _widths(fitted, [name in whole for name in fitted[0]], width)) is None:
            return _blocks(fitted[1:], fitted[0], width)
        fitted = [[_cut(text, widths[place]) for place, text in enumerate(row)] for row in fitted]
    line, _, rest = _tabulated(fitted).partition("\n")
    return f"{head(line)}\n{rest}"


def _tabulated(rows: Sequence[Sequence[str]]) -> str:
    import tabulate  # takes 46 ms: only where a table is printed

    tabulate.MIN_PADDING = 0  # by default a column is wider than its header, and would not fit
    text: str = tabulate.tabulate(rows[1:], headers=rows[0], tablefmt="simple", disable_numparse=True)
    return text


def _natural(rows: Sequence[Sequence[str]]) -> list[int]:
    """The width of each column without any cut."""
    from wcwidth import wcswidth

    return [max(map(wcswidth, column)) for column in zip(*rows, strict=True)]


def _too_wide(widths: Sequence[int], width: int) -> bool:
    return sum(widths) + _GAP * (len(widths) - 1) > width


def _widths(rows: Sequence[Sequence[str]], whole: Sequence[bool], width: int) -> list[int] | None:
    """The width of each column, after cutting the widest ones; None if they cannot be cut far enough."""
    widths = _natural(rows)
    while _too_wide(widths, width):
        widest = max((place for place in range(len(widths)) if not whole[place]), key=widths.__getitem__, default=None)
        if widest is None or widths[widest] <= _NARROWEST:
            return None
        widths[widest] -= 1
    return widths


def _blocks(rows: Sequence[Sequence[str]], headers: Sequence[str], width: int) -> str:
    label = max(map(len, headers))
    lines = [[f"{name.ljust(label)}  {text}" for name, text in zip(headers, row, strict=True)] for row in rows]
    return "\n\n".join("\n".join(_cut(line, width).rstrip() for line in block) for block in lines)


def _cut(text: str, width: int) -> str:
    from wcwidth import wcswidth, wcwidth

    if wcswidth(text) <= width:
        return text
    kept, used = "", 0
    for char in text:
        used += max(wcwidth(char), 0)
        if used > width - 1:
            break
        kept += char
    return kept + "…"
