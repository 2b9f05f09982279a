"""Protect spreadsheets from cells of a CSV file that they would run as formulas."""

from __future__ import annotations

import re

# The first characters of formulas, also in full-width form; and the apostrophe that protects a cell.
_FORMULA = re.compile(r"['=+\-@\t\r＝＋－＠]")
_PLAIN = re.compile(r"-?[0-9]+(\.[0-9]+)?|\+[0-9][0-9 ().-]*", re.ASCII)  # numbers and phone numbers stay as they are


def neutralised(text: str) -> str:
    """The cell with an apostrophe in front, if a spreadsheet would run it, or if it begins with an apostrophe."""
    return f"'{text}" if _FORMULA.match(text) and not _PLAIN.fullmatch(text) else text


def restored(text: str) -> str:
    """The cell without the apostrophe that `neutralised` put there."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text[1:]) else text
