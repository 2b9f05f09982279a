"""The cells of a CSV row that is written at once."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from importlib import import_module
from typing import Any

import pytest

formats = import_module("csctl.commands.cli.formats")

_ODD = (
    "",
    "=1+2",
    "@x",
    "+1217 (555) 0100",
    "+1x",
    "-5",
    "-5.5",
    "-5 x",
    "-(3)",
    "- 3",
    "'=x",
    "Zoë",
    "\x1b[31m",
    "two\nlines",
    "",
)
_OTHERS = (None, True, 5, datetime(2026, 1, 31, tzinfo=UTC), {"a": 1}, "\t1", "＝1", "＋1", "\u200d", "+", "-")


@pytest.mark.parametrize("exact", [True, False])
def test_many_rows_are_written_as_their_cells_are_one_by_one(exact: bool) -> None:
    cells = [
        *(c for c in (*_ODD, *_OTHERS) if c is None or isinstance(c, str)),
        "a,b",
        "-1,2",
        "a,=b",
        "+1\n2",
        'a"b',
        '"=x',
    ]
    for value in cells:
        rows = [["Ann", value, "x"], [value, value, "-1"], ["+49301234567", "", value]]
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([formats.csv_cell(c, exact=exact) for c in row] for row in rows)

        assert "".join(formats.csv_texts(rows, exact=exact)) == text.getvalue(), value


@pytest.mark.parametrize("value", [*_ODD, *_OTHERS])
@pytest.mark.parametrize("exact", [True, False])
def test_a_row_is_written_as_its_cells_are_one_by_one(value: Any, exact: bool) -> None:
    for row in ([value], ["plain", value], [value, "Ann", None], ["+49301234567", value, "-1"]):
        assert formats.csv_row(row, exact=exact) == [formats.csv_cell(cell, exact=exact) for cell in row]
