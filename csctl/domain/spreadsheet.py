"""Cells of a CSV file that a spreadsheet would take for a formula, and run."""

from __future__ import annotations

import re

# What begins a formula, also in the full width of East Asian scripts; and the apostrophe that stands before one.
_FORMULA = re.compile(r"['=+\-@\t\r＝＋－＠]")
_PLAIN = re.compile(r"-?[0-9]+(\.[0-9]+)?|\+[0-9][0-9 ().-]*", re.ASCII)  # numbers and phone numbers stay as they are


def neutralised(text: str) -> str:
    """The cell with an apostrophe in front, if a spreadsheet would run it, or if it begins with one."""
    return f"'{text}" if _FORMULA.match(text) and not _PLAIN.fullmatch(text) else text


def restored(text: str) -> str:
    """The cell without the apostrophe that `neutralised` put there."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text[1:]) else text
