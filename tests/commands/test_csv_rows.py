"""The cells of a CSV row that is written at once."""

from __future__ import annotations

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


@pytest.mark.parametrize("value", [*_ODD, *_OTHERS])
@pytest.mark.parametrize("exact", [True, False])
def test_a_row_is_written_as_its_cells_are_one_by_one(value: Any, exact: bool) -> None:
    for row in ([value], ["plain", value], [value, "Ann", None], ["+49301234567", value, "-1"]):
        assert formats.csv_row(row, exact=exact) == [formats.csv_cell(cell, exact=exact) for cell in row]
