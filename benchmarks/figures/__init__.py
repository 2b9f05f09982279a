"""The figures, by name: one file for each, whose `measure` yields its results."""

from __future__ import annotations

from benchmarks.figure import Figure
from benchmarks.figures import engine, files, lookups, memory, search, startup

FIGURES: dict[str, Figure] = {
    "files": files.measure,
    "startup": startup.measure,
    "search": search.measure,
    "lookups": lookups.measure,
    "memory": memory.measure,
    "engine": engine.measure,
}
