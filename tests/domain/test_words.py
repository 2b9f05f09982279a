"""The words of outcomes and states are members of their enums in the code, and nowhere strings."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from enum import StrEnum
from itertools import chain
from pathlib import Path

import pytest

from csctl.domain.outcomes import Outcome
from csctl.domain.states import STATES

ROOT = Path(__file__).parents[2]
ENUMS: tuple[type[StrEnum], ...] = (Outcome, *STATES)
WORDS = {str(word) for enum in ENUMS for word in enum}
HOLDERS = ("outcome", "state", "status")  # names of variables, fields and keys


def bare_words(source: str) -> Iterator[tuple[int, str]]:
    """The strings that stand for an outcome or a state: compared with one, assigned to one, or the keys of a table."""
    for node in ast.walk(ast.parse(source)):
        sides: list[ast.expr] = []
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
        elif isinstance(node, ast.Assign):
            sides = [*node.targets, node.value]
        elif isinstance(node, ast.keyword):
            sides = [ast.Name(node.arg or ""), node.value]
        elif isinstance(node, ast.AnnAssign) and node.value:
            sides = [node.target, node.value]
        if any(_name(side) in HOLDERS for side in sides):
            yield from chain(*map(_words, sides))
        if isinstance(node, ast.Dict) and len(node.keys) > 1:
            keys = [word for key in node.keys if key for word in _words(key)]
            yield from keys if len(keys) == len(node.keys) else ()


def _name(side: ast.expr) -> str:
    """What a side of a comparison is called: `result.outcome`, `row["outcome"]` and `outcome` are one."""
    if isinstance(side, ast.Attribute):
        return side.attr
    if isinstance(side, ast.Subscript) and isinstance(side.slice, ast.Constant):
        return str(side.slice.value)
    return side.id if isinstance(side, ast.Name) else ""


def _words(side: ast.expr) -> Iterator[tuple[int, str]]:
    inside = side.elts if isinstance(side, ast.Tuple | ast.List | ast.Set) else [side]
    if isinstance(side, ast.IfExp):
        inside = [side.body, side.orelse]
    for one in inside:
        if isinstance(one, ast.Constant) and isinstance(one.value, str) and one.value in WORDS:
            yield one.lineno, one.value


def test_no_code_writes_an_outcome_or_a_state_as_a_string() -> None:
    files = chain((ROOT / "csctl/services").rglob("*.py"), (ROOT / "commands").rglob("*.py"))
    ours = [file for file in files if "apis" not in file.parts]  # there they are the vendors' words
    found = {
        f"{file.relative_to(ROOT)}:{line}": word for file in ours for line, word in bare_words(file.read_text("utf-8"))
    }

    assert found == {}


@pytest.mark.parametrize(
    "code",
    [
        'if result.outcome == "refunded": ...',
        'if row["outcome"] in ("created", "updated"): ...',
        'outcome = "stopped" if kind else "imported"',
        'Row(outcome="created")',
        '_VERBS = {"refunded": "refund", "voided": "void"}',
    ],
)
def test_a_string_for_an_outcome_is_found(code: str) -> None:
    assert list(bare_words(code))
