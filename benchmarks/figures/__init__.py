"""The figures, by name: one file for each, whose `measure` yields its results."""

from __future__ import annotations

from benchmarks.figure import Figure
from benchmarks.figures import search, startup

FIGURES: dict[str, Figure] = {
    "startup": startup.measure,
    "search": search.measure,
}
