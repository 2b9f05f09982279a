"""What the reason of a refusal leads to, written down independently of the code (domain rules, sections 3 and 4)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

import pytest

from csctl.domain.reasons import CHARGE, REFUND, VOID, Reason

_PAGE = Path(__file__).parents[2] / "docs" / "gateways.md"
_OF_CHARGES = {
    "retry": "soft_declined",
    "confirm": "authentication",
    "next_run": "busy unreachable never_executed abandoned misconfigured",
    "ask": "duplicate under_review answer_lost mismatch",
    "give_up": "declined already_settled not_settled already_voided already_refunded over_amount unknown_reference"
    " refused disputed returned card_closed too_old not_refundable balance recorded_by_mistake",
}
_OF_VOIDS = {
    "refund": "already_settled",
    "voided": "already_voided",
    "disputed": "disputed",
    "repeat": "busy unreachable never_executed abandoned misconfigured unknown_reference",
    "ask": "duplicate under_review answer_lost mismatch",
    "nothing": "declined soft_declined authentication not_settled already_refunded over_amount refused"
    " returned card_closed too_old not_refundable balance recorded_by_mistake",
}


@pytest.mark.parametrize(("expected", "table"), [(_OF_CHARGES, CHARGE), (_OF_VOIDS, VOID)], ids=["charges", "voids"])
def test_each_reason_leads_to_what_is_written_here(expected: dict[str, str], table: Mapping[Reason, StrEnum]) -> None:
    assert {Reason(one): rule for rule, reasons in expected.items() for one in reasons.split()} == dict(table)
    assert set(table) == set(Reason)


def test_the_page_about_gateways_shows_the_same_table() -> None:
    rows = [line for line in _PAGE.read_text().splitlines() if line.startswith("| `")]

    for reason in Reason:
        assert f"| `{reason}` | {CHARGE[reason]} | {VOID[reason]} | {REFUND[reason]} |" in rows


def test_the_tests_that_the_page_about_gateways_names_exist() -> None:
    named = re.findall(r"`([\w/]+\.py)::(test_\w+)`", _PAGE.read_text())

    assert len(named) >= 27
    for path, name in named:
        home = "csctl" if "/conformance/" in path else "tests"
        assert f"def {name}(" in (_PAGE.parents[1] / home / path).read_text(), f"{path}::{name}"
