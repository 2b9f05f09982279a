"""A mutant: one thing broken, and the tests that should notice."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
RULES = Path(__file__).with_name("rules.toml")


class Stale(Exception):
    """What a mutant replaces is not in the code, or more than once."""


@dataclass(frozen=True)
class Mutant:
    """`old` becomes `new` in `file`; or, with `drop`, the tests' databases lack that guard."""

    name: str
    says: str
    tests: tuple[str, ...]
    file: str = ""
    old: str = ""
    new: str = ""
    drop: str = ""
    only: str = ""  # of those tests, the ones with this in their name
    lines: tuple[int, int] | None = None  # of a found mutant: the lines that `new` replaces

    def apply(self, copy: Path) -> None:
        """Break it there. Raises Stale."""
        if self.drop:
            return
        path = copy / self.file
        text = path.read_text(encoding="utf-8")
        path.write_text(self._replaced(text), encoding="utf-8")

    def undo(self, copy: Path) -> None:
        if self.file:
            (copy / self.file).write_text((ROOT / self.file).read_text(encoding="utf-8"), encoding="utf-8")

    def _replaced(self, text: str) -> str:
        if self.lines:
            lines = text.split("\n")
            lines[self.lines[0] - 1 : self.lines[1]] = self.new.split("\n")
            return "\n".join(lines)
        if text.count(self.old) != 1:
            raise Stale(f"{self.name}: {self.file} has {text.count(self.old)} times: {self.old!r}")
        return text.replace(self.old, self.new)


def from_rules() -> Iterator[Mutant]:
    """The mutants of rules.toml; rules that give the reason why none is possible have none."""
    for rule in rules():
        if "impossible" not in rule:
            yield Mutant(
                name=rule["id"],
                says=rule["says"],
                tests=tuple(rule["tests"]),
                file=rule["file"],
                old=rule["old"],
                new=rule["new"],
            )


def rules() -> list[dict[str, Any]]:
    """The rules as rules.toml has them."""
    found: list[dict[str, Any]] = tomllib.loads(RULES.read_text(encoding="utf-8"))["rule"]
    return found
