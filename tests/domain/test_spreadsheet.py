"""Cells of a CSV file: no spreadsheet runs them, and a round trip changes nothing."""

from __future__ import annotations

import itertools

import pytest

from csctl.domain.spreadsheet import neutralised, restored


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20"])
def test_what_a_spreadsheet_would_run_begins_with_an_apostrophe(begin: str) -> None:
    assert neutralised(f"{begin}cmd|x") == f"'{begin}cmd|x"


@pytest.mark.parametrize("cell", ["Doe", "", "-5.00", "+49 (30) 123-45", "a=b", "\u2019tis"])
def test_other_cells_stay_as_they_are(cell: str) -> None:
    assert neutralised(cell) == restored(cell) == cell


def test_a_round_trip_changes_no_cell() -> None:
    for length in range(5):
        for chars in itertools.product("'=+-@\uff1d\t1a", repeat=length):
            cell = "".join(chars)
            assert restored(neutralised(cell)) == cell
