"""A mutant: one thing broken, and the tests that should notice."""

from __future__ import annotations

import ast
import threading
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
RULES = Path(__file__).with_name("rules.toml")
SECURITY = Path(__file__).with_name("security.toml")
GATEWAYS = Path(__file__).with_name("gateways.toml")
PROOF = Path(__file__).with_name("proof.toml")
PLANTED = Path(__file__).with_name("planted.toml")
_KEPT = ".unbroken"


class Stale(Exception):
    """What a mutant replaces is not in the code, or more than once."""


@dataclass(frozen=True)
class Mutant:
    """`old` becomes `new` in `file`, there within `scope` if it names a function or class; or, with `drop`, the tests'
    databases lack that guard.
    """

    name: str
    says: str
    tests: tuple[str, ...]
    file: str = ""
    scope: str = ""
    old: str = ""
    new: str = ""
    drop: str = ""

    def apply(self, copy: Path) -> None:
        """Break it there. Raises Stale."""
        if self.file:
            path = copy / self.file
            text = path.read_text(encoding="utf-8")
            broken = self.replaced(text)
            path.with_suffix(_KEPT).write_text(text, encoding="utf-8")
            path.write_text(broken, encoding="utf-8")

    def undo(self, copy: Path) -> None:
        """Restore it: the file is written again, as Python takes the bytecode of a file by its time and size."""
        kept = (copy / self.file).with_suffix(_KEPT)
        if self.file and kept.exists():
            (copy / self.file).write_text(kept.read_text(encoding="utf-8"), encoding="utf-8")
            kept.unlink()

    def replaced(self, text: str) -> str:
        """This text of its file, broken. Raises Stale."""
        begin, end = _place(text, self.scope) if self.scope else (0, len(text))
        if begin < 0:
            raise Stale(f"{self.name}: {self.file} has no {self.scope}")
        if (number := text.count(self.old, begin, end)) != 1:
            where = f"{self.file}::{self.scope}".removesuffix("::")
            raise Stale(f"{self.name}: {number} times in {where}: {self.old!r}")
        at = text.index(self.old, begin)
        return text[:at] + self.new + text[at + len(self.old) :]

    @property
    def changes_schema(self) -> bool:
        """Whether a database made without it would be another one."""
        return self.file.startswith(("csctl/models", "csctl/schema", "migrations"))


_ONE_AT_A_TIME = threading.Lock()  # Python 3.11 may refuse to parse in two threads at once


@cache
def _parsed(text: str) -> ast.AST:
    with _ONE_AT_A_TIME:
        return ast.parse(text)


@cache
def _place(text: str, scope: str) -> tuple[int, int]:
    """Where the source of a function or class (`Class.method`) begins and ends; -1 where there is none."""
    found: ast.AST = _parsed(text)
    for name in scope.split("."):
        inner = [node for node in ast.iter_child_nodes(found) if getattr(node, "name", None) == name]
        if not inner:
            return -1, -1
        found = inner[0]
    assert isinstance(found, ast.stmt)
    lines = text.splitlines(keepends=True)
    return sum(map(len, lines[: found.lineno - 1])), sum(map(len, lines[: found.end_lineno]))


def from_rules() -> Iterator[Mutant]:
    """The mutants of the four files; rules that give the reason why none is possible have none."""
    for rule in [*rules(), *rules(SECURITY), *rules(GATEWAYS), *rules(PROOF)]:
        if "impossible" not in rule:
            yield _of_rule(rule)


def planted() -> list[Mutant]:
    """Bugs for the simulation to find."""
    return [_of_rule(rule) for rule in rules(PLANTED)]


def _of_rule(rule: dict[str, Any]) -> Mutant:
    file, _, scope = rule.get("at", "").partition("::")
    old, new, drop = (rule.get(name, "") for name in ("old", "new", "drop"))
    return Mutant(rule["id"], rule["says"], tuple(rule.get("tests", ())), file, scope, old, new, drop)


def rules(file: Path = RULES) -> list[dict[str, Any]]:
    """The rules of one of the files, as written."""
    found: list[dict[str, Any]] = tomllib.loads(file.read_text(encoding="utf-8"))["rule"]
    return found
