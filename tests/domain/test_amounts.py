"""Amounts in files: read as the file writes them, or not at all."""

from __future__ import annotations

import pytest

from csctl.domain import amounts
from csctl.errors import Usage


@pytest.mark.parametrize(
    ("text", "currency", "decimal", "minor", "units"),
    [
        ("2990", "USD", None, True, 2990),
        ("2990", "JPY", None, True, 2990),
        ("-2990", "USD", None, True, -2990),
        ("1.250,50", "USD", ",", False, 125050),
        ("1.250", "USD", ",", False, 125000),
        ("29,9", "USD", ",", False, 2990),
        ("1,250", "USD", ".", False, 125000),
        ("$1,234.50", "USD", ".", False, 123450),
        ("-$22.50", "USD", None, False, -2250),
        ("1,250.00", "USD", None, False, 125000),
        ("1'250.00", "CHF", None, False, 125000),
        ("1.250", "KWD", None, False, 1250),
        ("€ 19.99", "EUR", None, False, 1999),
        ("19.99 EUR", "EUR", None, False, 1999),
        ("0.500", "USD", None, False, 50),
    ],
)
def test_an_amount_is_read(text: str, currency: str, decimal: str | None, minor: bool, units: int) -> None:
    assert amounts.read(text, currency, decimal=decimal, minor=minor) == units


@pytest.mark.parametrize(
    ("text", "currency", "decimal", "minor", "said"),
    [
        ("29.90", "USD", None, True, "minor units"),
        ("29.90", "USD", ",", False, "decimal comma"),
        ("1.250", "USD", None, False, "could be two amounts"),
        ("19.999", "USD", None, False, "finer than USD allows"),
        ("29,90", "USD", None, False, "not an amount"),
        ("1,250", "USD", None, False, "not an amount"),
        ("1.250,00", "USD", None, False, "not an amount"),
        ("1,25,0", "USD", ".", False, "not an amount"),
        ("ten", "USD", None, False, "not an amount"),
    ],
)
def test_what_could_be_two_amounts_is_refused(
    text: str, currency: str, decimal: str | None, minor: bool, said: str
) -> None:
    with pytest.raises(Usage, match=said):
        amounts.read(text, currency, decimal=decimal, minor=minor)
