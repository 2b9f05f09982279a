"""How one value is written in JSON, in CSV, and in a table."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, tzinfo
from typing import Any

from csctl.domain.spreadsheet import neutralised
from csctl.domain.text import printable

FORMATS = ("table", "wide", "json", "jsonl", "csv", "name")
_CHUNK = 200  # rows that are written together
_DELETE = "\x7f"  # the one control character that json.dumps does not escape
# A cell that `neutralised` may change: all but numbers and phone numbers of those that begin like a formula.
_FORMULA = re.compile(r"\n(?:[=@'\t\r＝＋－＠]|-(?!\d+(?:\.\d+)?(?:\n|\Z))|\+(?!\d[\d ().-]*(?:\n|\Z)))", re.ASCII)
# The same in lines of CSV. In quotes, what begins with a sign is never a number.
_DOUBTFUL = re.compile(
    r"""[,\n](?:"[=@'\t\r＝＋－＠+-]|[=@'\t\r＝＋－＠]|-(?!\d+(?:\.\d+)?[,\n])|\+(?!\d[\d ().-]*[,\n]))""", re.ASCII
)
_NOT_PLAIN = re.compile(r"[^\x20-\x7e]")
_ESCAPED_CATEGORIES = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}  # control, format, unassigned, line separators


def to_json(value: Any, indent: int | None = None) -> str:
    """JSON in which nothing would act on a terminal: control and format characters are escaped."""
    import json  # csctl --help writes none

    text = json.dumps(value, ensure_ascii=False, indent=indent, default=_to_text)
    return text if text.isascii() and _DELETE not in text else _NOT_PLAIN.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    char = match[0]
    if char == "\n" or unicodedata.category(char) not in _ESCAPED_CATEGORIES:
        return char
    import json

    return r"\u007f" if char == _DELETE else json.dumps(char)[1:-1]


def _to_text(value: Any) -> str:
    from csctl.clock import rfc3339

    if isinstance(value, datetime):
        return rfc3339(value)
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no JSON form")


def csv_texts(rows: Sequence[Sequence[Any]], *, exact: bool) -> Iterator[str]:
    """Rows of texts, numbers and days as the lines of a CSV file. Those that a spreadsheet would run, or a terminal act
    on, are found in the lines of many rows at once: only then each cell is looked at.
    """
    for start in range(0, len(rows), _CHUNK):
        chunk = rows[start : start + _CHUNK]
        text = _lines(chunk)
        alone = text.count("\n") == len(chunk)  # no cell has a line break
        if alone and not _DOUBTFUL.search(f"\n{text}") and (exact or text.replace("\n", "").isprintable()):
            yield text
        else:
            yield _lines(csv_row(row, exact=exact) for row in chunk)


def _lines(rows: Iterable[Sequence[Any]]) -> str:
    import csv
    import io

    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def csv_row(values: Sequence[Any], *, exact: bool) -> list[str]:
    """The cells of a row. Those of an ordinary one are looked at together, which is many times faster."""
    cells = ["" if value is None else value if type(value) is str else csv_cell(value, exact=True) for value in values]
    text = "\n".join(cells)
    alone = text.count("\n") == len(cells) - 1  # no cell has a line break
    if alone and (exact or "".join(cells).isprintable()) and not _FORMULA.search("\n" + text):
        return cells
    return [csv_cell(value, exact=exact) for value in values]


def csv_cell(value: Any, *, exact: bool) -> str:
    """A cell of CSV that no spreadsheet takes for a formula: for a file `exact`, for a terminal made printable."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, date):
        return _to_text(value)
    text = value if isinstance(value, str) else to_json(value)
    return neutralised(text if exact else printable(text))


def moment(value: datetime, zone: tzinfo) -> str:
    """A time for a person to read: to the minute, with the offset of the shop's zone (`2026-03-02 09:00 +01:00`)."""
    text = value.astimezone(zone).isoformat(sep=" ", timespec="minutes")
    return f"{text[:16]} {text[16:]}"


def table_cell(value: Any, zone: tzinfo) -> str:
    """A value for a person to read: times in the shop's zone, and nothing that would act on a terminal."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return moment(value, zone)
    if isinstance(value, dict):
        return printable(str(value.get("message", to_json(value))))
    if isinstance(value, list):
        return printable(", ".join(str(item) for item in value))
    return printable(str(value))
