"""Mutants found in the code: every CHECK, unique index and trigger dropped, every row lock and fence removed."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

from sqlalchemy import CheckConstraint, UniqueConstraint

import csctl.models  # noqa: F401 - the tables
from csctl.domain import trail_triggers
from csctl.models.columns import Base
from tests.mutants.mutant import ROOT, Mutant

_CONSTRAINTS = ("tests/models/test_constraints.py",)
_TRIGGERS = ("tests/administration/test_audit.py", "tests/administration/test_seals.py", "tests/health")
_LOCKS = ("tests/payments/test_locks.py",)
_FENCES = (
    "tests/refunds/test_races.py",
    "tests/runs/test_taken_over.py",
    "tests/billing/test_unknown.py",
    "tests/payments/test_settlement.py",
)
_CLAIMS = ("claim", "worker")  # the columns that say whose it is


def all_found() -> Iterator[Mutant]:
    yield from constraints()
    yield from triggers()
    yield from locks()
    yield from fences()


def constraints() -> Iterator[Mutant]:
    """The database without one CHECK or unique index."""
    for table in Base.metadata.sorted_tables:
        for rule in sorted(table.constraints, key=lambda one: str(one.name)):
            if isinstance(rule, CheckConstraint | UniqueConstraint):
                kind = "check" if isinstance(rule, CheckConstraint) else "unique"
                yield _drop(kind, table.name, str(rule.name), _CONSTRAINTS)
        for index in table.indexes:
            if index.unique:
                yield _drop("index", table.name, str(index.name), _CONSTRAINTS)


def triggers() -> Iterator[Mutant]:
    """The database without one trigger."""
    for dialect, triggers in trail_triggers.TRIGGERS.items():
        for name, definition in triggers.items():
            yield _drop(f"trigger-{dialect}", definition.partition(" ON ")[2].split()[0], name, _TRIGGERS)


def _drop(kind: str, table: str, name: str, tests: tuple[str, ...]) -> Mutant:
    return Mutant(f"{kind}:{name}", f"{table} without {name}", tests, drop=f"{kind} {table} {name}")


def locks() -> Iterator[Mutant]:
    """The code without one `with_for_update`."""
    for path, node, scope in _expressions(ast.Call, "with_for_update"):
        if isinstance(node.func, ast.Attribute) and node.func.attr == "with_for_update":
            yield _rewritten("lock", path, scope, node, ast.unparse(node.func.value))
        elif any(word.arg == "with_for_update" for word in node.keywords):
            kept = [word for word in node.keywords if word.arg != "with_for_update"]
            yield _rewritten("lock", path, scope, node, ast.unparse(ast.Call(node.func, node.args, kept)))


def fences() -> Iterator[Mutant]:
    """The code without one comparison of a claim."""
    for path, node, scope in _expressions(ast.Compare, *_CLAIMS):
        if _is_fence(node):
            yield _rewritten("fence", path, scope, node, str(isinstance(node.ops[0], ast.Eq)))


def _is_fence(node: ast.Compare) -> bool:
    sides = [node.left, *node.comparators]
    return isinstance(node.ops[0], ast.Eq | ast.NotEq) and any(
        isinstance(side, ast.Attribute) and side.attr in _CLAIMS for side in sides
    )


def _rewritten(kind: str, path: Path, scope: str, node: ast.expr, changed: str) -> Mutant:
    file = path.relative_to(ROOT).as_posix()
    old = ast.get_source_segment(path.read_text(encoding="utf-8"), node) or ""
    place = f"{file}::{scope}"
    says = f"{place} without its {kind}: {' '.join(old.split())[-60:]}"
    tests = _LOCKS if kind == "lock" else _FENCES
    return Mutant(f"{kind}:{place}", says, tests, file, scope, old, changed)


N = TypeVar("N", bound=ast.expr)


def _expressions(kind: type[N], *words: str) -> Iterator[tuple[Path, N, str]]:
    """All expressions of a kind in the files with one of these words, each with the function that it stands in."""
    for path in sorted((ROOT / "csctl").rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        if any(word in text for word in words):
            yield from ((path, node, scope) for node, scope in _within(ast.parse(text), "") if isinstance(node, kind))


def _within(tree: ast.AST, scope: str) -> Iterator[tuple[ast.AST, str]]:
    for node in ast.iter_child_nodes(tree):
        inner = scope
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            inner = f"{scope}.{node.name}".lstrip(".")
        yield node, inner
        yield from _within(node, inner)
