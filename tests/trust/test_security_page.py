"""docs/security.md is true: each claim names a test, which fails without its guard (tests/mutants/test_guards.py)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from tests.mutants.mutant import SECURITY, rules

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
_TABLE = re.compile(r"^\| what holds \| test \|\n\|---\|---\|\n((?:\|.*\|\n)+)", re.MULTILINE)
_TEST = re.compile(r"`([\w/]+\.py::test_\w+)`")
_NOTE = re.compile(r"^\[\^([\w-]+)\]: (.*)$", re.MULTILINE)
_NAMED = re.compile(r"\[\^([\w-]+)\]")
# What is not prose: code, what is generated, the tables of claims, headings, footnotes.
_NO_PROSE = (
    re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL),
    re.compile(r"<!-- .*?made by.*?<!-- end -->", re.DOTALL),
    _TABLE,
    re.compile(r"^#.*$", re.MULTILINE),
    _NOTE,
)
# Sentences that protect from nothing: advice begins with its verb, the others are listed by their first words.
_ADVICE = re.compile(r"(?:And|Then)?,? ?(?:As|Compare|Encrypt|Give|If|Install|Keep|Once|One|Run|Seal|See|Use|When)\b")
_DESCRIBE = (
    "What csctl protects, against whom",
    "In short",
    "With **SQLite**, a person who can write",
    "SQLite is for one trusted person",
    "The tables and the footnotes",
    "`tests/mutants/security.toml` removes",
    "`pytest --full` tries",
    "The paths begin",
    "Names, addresses, notes",
    "With PostgreSQL, an agent has a database login",
    "The extension `pg_trgm`",
    "Then, as that owner",
    "And an operator",
    "Tim sets",
    "`csctl whoami`",
    "The groups belong to the server",
    "`csctl db grants` exits 11",
    "And in `/etc/sudoers.d/csctl`",
    "A member of the group sets",
    "`--confined` has to be in the rule",
    "A confined csctl",
    "A refund above a limit can be requested",
    "A request reserves nothing",
    "`csctl audit seal` seals",
    "`csctl audit verify --root ROOT` names",
    "`--root` may be repeated",
    "Rows that are not sealed yet",
    "Without a root",
    "The time of a row",
    "Rows that are out of order",
    "`--env-file /dev/fd/N`",
    "Other users can see the command line",
    "Blacklist entries stay",
    "Chapters 3",
    "csctl handles tokens of gateways",
    "This does not make a shop compliant",
)


def claims() -> dict[str, list[str]]:
    """The tests that each claim of the tables, and each footnote, names."""
    rows = [row.strip("|").rpartition(" | ") for table in _TABLE.findall(PAGE) for row in table.splitlines()]
    found = {claim.strip(): named for claim, _, named in rows}
    found.update((f"[^{name}]", named) for name, named in _NOTE.findall(PAGE))
    return {claim: [f"tests/{test}" for test in _TEST.findall(named)] for claim, named in found.items()}


def sentences() -> Iterator[str]:
    """The sentences outside of the tables of claims. A row of a table is one, without what is left to the reader."""
    text = PAGE.partition("\n")[2]
    what_fails = re.compile(r"^What does not hold|^- read every record")
    for other in _NO_PROSE:
        text = other.sub("\n\n", text)
    for block in re.split(r"\n\n+", text):
        if block.startswith("|"):
            yield from (row.strip("|").rpartition("|")[0].strip() for row in block.splitlines()[2:])
        elif not what_fails.search(block):
            told = re.sub(r"([.;:])((?:\[\^[\w-]+\])+)", r"\2\1", " ".join(block.split()))
            yield from (one.strip("- ") for one in re.split(r"(?<=\.) (?=[A-Z`-])", told) if one.strip())


def test_each_claim_names_a_test_that_exists() -> None:
    missing = [
        f"{claim}: {test}"
        for claim, tests in claims().items()
        for test in tests or ["no test"]
        for path, _, name in [test.partition("::")]
        if not (ROOT / path).is_file() or f"def {name}(" not in (ROOT / path).read_text(encoding="utf-8")
    ]

    assert len(claims()) > 100
    assert missing == []
    assert set(_NAMED.findall(_NOTE.sub("", PAGE))) == {name for name, _ in _NOTE.findall(PAGE)}


def test_each_named_test_is_tried_without_its_guard() -> None:
    tried = {test for rule in rules(SECURITY) for test in rule["tests"]}

    assert {test for tests in claims().values() for test in tests} - tried == set()


def test_each_sentence_that_claims_protection_names_its_test() -> None:
    claiming = [one for one in sentences() if not _NAMED.search(one) and not _ADVICE.match(one)]
    described = [one for one in claiming if one.startswith(_DESCRIBE)]

    assert [one for one in claiming if one not in described] == []
    assert [words for words in _DESCRIBE if not any(one.startswith(words) for one in described)] == []


def test_each_threat_has_a_table_and_says_what_does_not_hold() -> None:
    threats = PAGE.partition("## Hostile data")[2].partition("## Setting up PostgreSQL")[0]

    for threat in re.split(r"^## ", f"Hostile data{threats}", flags=re.MULTILINE):
        assert _TABLE.search(threat), threat[:60]
        assert "What does not hold" in threat, threat[:60]
