"""The tables of docs/performance.md."""

from __future__ import annotations

from benchmarks import table
from benchmarks.figure import Result


def test_growth_is_by_how_much_a_figure_rises_with_ten_times_the_customers() -> None:
    sizes = {100: [Result("search", 2.0, 9.0)], 10_000: [Result("search", 200.0, 100.0, instead="scan", goal="low")]}

    assert table.growth(sizes) == [
        "| what | 100 | 10,000 | ten times the customers | instead | ratio | goal |",
        "|---|---|---|---|---|---|---|",
        "| search | 2.0 ms | 200 ms | 10.0 times | 100 ms (scan) | 2.00 | low |",
    ]
