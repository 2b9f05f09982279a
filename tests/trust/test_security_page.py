"""docs/security.md is true: each claim names a test that exists, and that fails without its guard (tests/mutants)."""

from __future__ import annotations

import re
from pathlib import Path

from tests.mutants.mutant import SECURITY, rules

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
_TABLE = re.compile(r"^\| what holds \| test \|\n\|---\|---\|\n((?:\|.*\|\n)+)", re.MULTILINE)
_TEST = re.compile(r"`([\w/]+\.py::test_\w+)`")


def claims() -> dict[str, list[str]]:
    """The tests that each claim names."""
    rows = [row.strip("|").rpartition(" | ") for table in _TABLE.findall(PAGE) for row in table.splitlines()]
    return {claim.strip(): [f"tests/{test}" for test in _TEST.findall(named)] for claim, _, named in rows}


def test_each_claim_names_a_test_that_exists() -> None:
    missing = [
        f"{claim}: {test}"
        for claim, tests in claims().items()
        for test in tests or ["no test"]
        for path, _, name in [test.partition("::")]
        if not (ROOT / path).is_file() or f"def {name}(" not in (ROOT / path).read_text(encoding="utf-8")
    ]

    assert len(claims()) > 40
    assert missing == []


def test_each_named_test_is_tried_without_its_guard() -> None:
    tried = {test for rule in rules(SECURITY) for test in rule["tests"]}

    assert {test for tests in claims().values() for test in tests} - tried == set()


def test_each_threat_has_a_table_and_says_what_does_not_hold() -> None:
    threats = PAGE.partition("## Hostile data")[2].partition("## Setting up PostgreSQL")[0]

    for threat in re.split(r"^## ", f"Hostile data{threats}", flags=re.MULTILINE):
        assert _TABLE.search(threat), threat[:60]
        assert "What does not hold" in threat, threat[:60]
