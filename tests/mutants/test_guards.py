"""Each test that docs/security.md names fails without its guard. A quick run tries a few of them."""

from __future__ import annotations

import pytest

from tests.mutants.__main__ import NOTICED, verdicts
from tests.mutants.mutant import SECURITY, Mutant, from_rules, rules
from tests.trust.test_confined import missing

# Of text that strangers wrote, of cards, tokens and the audit log: tests that need little time, and no PostgreSQL.
SAMPLE = (
    "security.terminal",
    "security.spreadsheet",
    "security.masked-cards",
    "security.token-hash",
    "security.changes",
)


def guards() -> list[Mutant]:
    named = {rule["id"] for rule in rules(SECURITY)}
    if missing():  # without sudo, their tests are skipped
        named -= {"security.confined-files", "security.confined-token"}
    return [mutant for mutant in from_rules() if mutant.name in named]


@pytest.mark.parametrize("sample", [True, pytest.param(False, marks=pytest.mark.full)], ids=["sample", "others"])
def test_a_claims_test_fails_without_its_guard(sample: bool) -> None:
    tried = [guard for guard in guards() if (guard.name in SAMPLE) is sample]

    assert len(tried) == len(SAMPLE) if sample else len(tried) > 80
    # The tests themselves are part of this run, so they are not run without a mutant first.
    assert [guard.name for guard, verdict in verdicts(tried, checked=False) if verdict != NOTICED] == []


def test_each_guard_has_one_test() -> None:
    """Of several tests, one that fails would hide that another does not."""
    assert [guard.name for guard in guards() if len(guard.tests) != 1] == []
    assert len({guard.name for guard in guards()}) == len(guards())
