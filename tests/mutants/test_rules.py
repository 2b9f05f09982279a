"""rules.toml is true: what its mutants replace is in the code, and the tests that should see them are there."""

from __future__ import annotations

import ast

from tests.mutants.found import fences, locks
from tests.mutants.mutant import ROOT, Mutant, Stale, from_rules, planted, rules


def test_every_mutant_applies_to_the_code() -> None:
    problems = []
    for mutant in [*from_rules(), *planted(), *locks(), *fences()]:
        if mutant.drop:
            continue
        try:
            broken = mutant.replaced((ROOT / mutant.file).read_text(encoding="utf-8"))
            if mutant.file.endswith(".py"):
                ast.parse(broken)
        except (Stale, SyntaxError) as error:
            problems.append(f"{mutant.name}: {error}")

    assert problems == []


def test_every_mutant_names_tests_that_exist() -> None:
    missing = [f"{mutant.name}: {test}" for mutant in from_rules() for test in mutant.tests if not _exists(test)]

    assert missing == []
    assert all(mutant.tests for mutant in from_rules())


def test_every_rule_has_a_number_of_its_own_and_a_mutant_or_the_reason_for_none() -> None:
    ids = [rule["id"] for rule in rules()]

    assert sorted(set(ids), key=_numbers) == ids
    assert [rule["id"] for rule in rules() if ("impossible" in rule) == ("old" in rule)] == []


def test_what_a_mutant_replaces_stands_once_within_its_function() -> None:
    text = "def one():\n    return 1\n\n\nclass Two:\n    def three(self):\n        return 1\n"

    assert "return 2" in Mutant("x", "", (), "file", "Two.three", "1", "2").replaced(text).partition("class")[2]
    for scope, old in (("", "1"), ("four", "1"), ("one", "3")):
        try:
            Mutant("x", "", (), "file", scope, old, "2").replaced(text)
        except Stale:
            continue
        raise AssertionError(f"{old!r} in {scope!r} is not stale")


def _exists(test: str) -> bool:
    path, _, name = test.partition("[")[0].partition("::")
    file = ROOT / path
    return file.exists() and (not name or f"def {name}(" in file.read_text(encoding="utf-8"))


def _numbers(number: str) -> list[int]:
    return [int(part) for part in number.split(".")]
