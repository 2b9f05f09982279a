"""Protect spreadsheets from cells of a CSV file that they would run as formulas."""

from __future__ import annotations

import re

# The first characters of formulas, also in full-width form; and the apostrophe that protects a cell.
_FORMULA = re.compile(r"['=+\-@\t\r＝＋－＠]")
_PLAIN = re.compile(r"-?[0-9]+(\.[0-9]+)?|\+[0-9][0-9 ().-]*", re.ASCII)  # numbers and phone numbers stay as they are

_TEXT = re.compile(r'="((?:[^"]|"")*)"')  # how Excel keeps a number a text


def neutralised(text: str) -> str:
    """The cell with an apostrophe in front, if a spreadsheet would run it, or if it begins with an apostrophe."""
    return f"'{text}" if _FORMULA.match(text) and not _PLAIN.fullmatch(text) else text


def restored(text: str) -> str:
    """The cell without the apostrophe that `neutralised` put there, and a text without Excel's `="…"` around it."""
    if text.startswith("'"):
        return text[1:] if _FORMULA.match(text[1:]) else text
    return unwrapped(text) if text.startswith("=") else text


def unmarked(text: str) -> str:
    """The cell of a column in which no value begins with an apostrophe: the first one is Excel's, or csctl's."""
    return text[1:] if text.startswith("'") else unwrapped(text)


def unwrapped(text: str) -> str:
    """What is between Excel's `="` and `"`; any other text as it is."""
    match = _TEXT.fullmatch(text) if text.startswith("=") else None
    return match[1].replace('""', '"') if match else text
