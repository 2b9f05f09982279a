"""What a quick run takes of the tests, and what only `pytest --full` does.

A test for both databases runs on one of them, unless it is marked `both_databases`. Of a product of parameters, `pairs`
takes so many that any two values meet.
"""

from __future__ import annotations

import itertools
import re
import zlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import pytest

BACKENDS = ("sqlite", "postgresql")
# Marks of tests, or as `pytestmark` of modules, for one database alone.
on_sqlite = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
on_postgresql = pytest.mark.parametrize(
    "backend", [pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True
)
one_database = on_sqlite  # which of the two does not matter
_BACKEND = re.compile(rf"\b({'|'.join(BACKENDS)})\b-?|-({'|'.join(BACKENDS)})\b")


def is_full(config: pytest.Config) -> bool:
    """Whether everything was asked for, or tests by their names."""
    if config.getoption("quick"):
        return False
    return bool(config.getoption("full")) or any("::" in argument for argument in config.args)


def left_out(items: Iterable[pytest.Item], *, postgres: bool) -> set[pytest.Item]:
    """What a quick run does not take. Without PostgreSQL, all that can runs on SQLite."""
    out = {item for item in items if item.get_closest_marker("full")}
    pairs: dict[str, dict[str, pytest.Item]] = defaultdict(dict)
    for item in items:
        parameters = getattr(item, "callspec", None)
        backend = parameters.params.get("backend") if parameters else None
        if backend and item not in out and not item.get_closest_marker("both_databases"):
            pairs[_BACKEND.sub("", item.nodeid)][backend] = item
    for name, by_backend in pairs.items():
        if len(by_backend) == len(BACKENDS):
            chosen = BACKENDS[0 if not postgres or zlib.crc32(name.encode()) % 4 else 1]
            out |= {item for backend, item in by_backend.items() if backend != chosen}
    return out


def only_full(*values: Any) -> list[Any]:
    """Parameters that a quick run leaves out."""
    return [pytest.param(value, marks=pytest.mark.full) for value in values]


def pairs(*axes: Sequence[Any]) -> list[Any]:
    """The product of these values, as parameters. In a quick run each two values of two axes meet at least once."""
    chosen = covering(*axes)
    return [
        pytest.param(*combination, marks=[] if combination in chosen else pytest.mark.full)
        for combination in itertools.product(*axes)
    ]


def covering(*axes: Sequence[Any]) -> list[tuple[Any, ...]]:
    """Combinations in which each two values of two axes meet: taken one by one, the one that adds most."""
    missing = {
        ((one, a), (other, b))
        for (one, first), (other, second) in itertools.combinations(enumerate(axes), 2)
        for a in first
        for b in second
    }
    chosen: list[tuple[Any, ...]] = []
    while missing:
        best = max(itertools.product(*axes), key=lambda values: len(missing & _met(values)))
        chosen.append(best)
        missing -= _met(best)
    return chosen


def _met(values: Sequence[Any]) -> set[tuple[tuple[int, Any], tuple[int, Any]]]:
    return set(itertools.combinations(enumerate(values), 2))
