"""Words that code, help, messages, templates and documentation do not use, with the term to use instead."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# A pattern, and what to write instead.
WORDS = {
    r"\banew\b": "again, new",
    r"\b(become|became|becomes) of\b": "the outcome",
    r"\b(somebody|someone) else\b": "another user, another process",
    r"\bsomebody\b": "a person, another user",
    r"\bnobody\b": "no one does it: say what happens",
    r"\bwhoever\b": "the person who",
    r"\btold\b": "reported, informed",
    r"\bmeanwhile\b": "in the time between: say when",
    r"(?<!there )\bis no (?!longer\b|more than\b|other\b)": "is not a",
    r"\bcannot be(?= (a|an|the)\b|[,.;:)]|$)": "is invalid",
    r"\bgo(es|ing)? on with\b": "resume",
    r"\btak(e|es|en|ing) up\b": "resume",
    r"\bspoken for\b": "reserved",
    r"\bit is so already\b": "no change",
    r"\bworking on it\b": "locked",
    r"\bwhat came of\b": "the outcome",
    r"\bfind(s|ing)? out\b": "ask, reconcile",
    r"\bsay it twice\b": "idempotency key",
    r"\bblot(s|ted)? out\b": "redact",
    r"\bmend(s|ed|ing)?\b": "fix",
    r"\b(audit trail|the trail)\b": "audit log",
    r"\bas it stands now\b": "current",
    r"\bcolour\w*": "color",
}
FORBIDDEN = {re.compile(pattern, re.IGNORECASE): instead for pattern, instead in WORDS.items()}

# Texts that the released triggers of the audit log contain: they are compared literally.
RELEASED = {"csctl/domain/trail_triggers.py"}


def package(path: Path) -> str:
    """`csctl/domain` for all files below it, `csctl` for its own modules."""
    parts = path.relative_to(ROOT).parts
    return "/".join(parts[: min(2, len(parts) - 1)])


PACKAGES = sorted({package(path) for path in (ROOT / "csctl").rglob("*.py")})
TEXTS = ("*.md", "docs/**/*.md", "templates/**/*.html", "templates/**/*.txt", "commands/**/*.py")
THIS = Path(__file__)
FOLDERS_OF_TESTS = ["", *sorted(path.parent.name for path in (ROOT / "tests").glob("*/__init__.py"))]
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def forbidden(path: Path, texts: Iterable[tuple[int, str]]) -> list[str]:
    """The forbidden words in the numbered texts of a file, each with the term to use instead."""
    return [
        f"{path.relative_to(ROOT)}:{number}: {match[0]!r}, instead: {instead}"
        for number, text in texts
        for pattern, instead in FORBIDDEN.items()
        if (match := pattern.search(text))
    ]


def lines(path: Path) -> Iterable[tuple[int, str]]:
    return enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)


def messages(path: Path) -> Iterator[tuple[int, str]]:
    """The strings of a module that users may see: all but docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, DOCUMENTED) and node.body and isinstance(node.body[0], ast.Expr)
    }
    parts = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            texts = [str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values]
            yield node.lineno, " ".join("".join(texts).split())
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and not {id(node)} & (docstrings | parts):
            yield node.lineno, " ".join(node.value.split())


@pytest.mark.parametrize("pattern", TEXTS)
def test_texts_use_the_terms_of_the_field(pattern: str) -> None:
    """Commands with their comments and docstrings: those are the help, and docs/reference.md shows it."""
    problems = [problem for path in sorted(ROOT.glob(pattern)) for problem in forbidden(path, lines(path))]

    assert not problems, "\n".join(problems)


@pytest.mark.parametrize("name", PACKAGES)
def test_code_uses_the_terms_of_the_field(name: str) -> None:
    """Messages, docstrings, comments and names."""
    paths = [path for path in sorted((ROOT / "csctl").rglob("*.py")) if package(path) == name]
    checked = [path for path in paths if str(path.relative_to(ROOT)) not in RELEASED]
    problems = [problem for path in checked for problem in forbidden(path, (*lines(path), *messages(path)))]

    assert not problems, "\n".join(dict.fromkeys(problems))


def in_a_test(path: Path) -> Iterator[tuple[int, str]]:
    """The names, docstrings and comments of a module of tests. Its strings are data: a name or an odd value."""
    text = path.read_text(encoding="utf-8")
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, DOCUMENTED):
            docstring = ast.get_docstring(node) or ""
            yield getattr(node, "lineno", 1), f"{getattr(node, 'name', '').replace('_', ' ')}: {docstring}"
    yield from ((number, line.partition("# ")[2]) for number, line in lines(path))


@pytest.mark.parametrize("name", FOLDERS_OF_TESTS)
def test_tests_use_the_terms_of_the_field(name: str) -> None:
    folder = ROOT / "tests" / name
    paths = folder.rglob("*.py") if name else folder.glob("*.py")
    problems = [problem for path in sorted(paths) for problem in forbidden(path, in_a_test(path)) if path != THIS]

    assert not problems, "\n".join(problems)


@pytest.mark.parametrize(
    ("text", "allowed"),
    [
        ("Nobody reads it.", False),
        ("the date is no date", False),
        ("an amount that cannot be", False),
        ("it is no longer reserved", True),
        ("a settled sale cannot be voided", True),
    ],
)
def test_the_word_list_finds_words_and_not_their_neighbors(text: str, allowed: bool) -> None:
    assert (not forbidden(ROOT / "README.md", [(1, text)])) is allowed
