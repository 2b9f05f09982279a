"""Files and functions are short enough to read."""

from __future__ import annotations

import ast
import statistics
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
FOLDERS = ("csctl", "commands", "tests", "benchmarks", "docs")  # released migrations stay as they are
MOST_LINES, MOST_OF_A_FUNCTION, MEDIAN = 350, 40, 100


def files() -> dict[str, str]:
    """The text of each module, by its path."""
    found = (path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py")))
    return {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in found}


def functions(source: str) -> Iterator[tuple[str, int]]:
    """The functions of a module with their lengths."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, (node.end_lineno or node.lineno) - node.lineno + 1


def test_files_are_short() -> None:
    lengths = {path: len(source.splitlines()) for path, source in files().items()}

    assert {path: length for path, length in lengths.items() if length > MOST_LINES} == {}
    assert statistics.median(lengths.values()) < MEDIAN


def test_functions_are_short() -> None:
    lengths = {f"{path}: {name}": length for path, source in files().items() for name, length in functions(source)}

    assert {name: length for name, length in lengths.items() if length > MOST_OF_A_FUNCTION} == {}
