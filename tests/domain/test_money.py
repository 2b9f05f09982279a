"""Money: whole minor units, and as many decimals as the currency has."""

from __future__ import annotations

import iso4217
import pytest

from csctl.domain.money import COMMON, Money, exponent, to_decimal, to_minor, totals
from csctl.errors import Usage


@pytest.mark.parametrize(("currency", "digits"), [("JPY", 0), ("USD", 2), ("EUR", 2), ("KWD", 3), ("CLF", 4)])
def test_each_currency_has_its_number_of_decimals(currency: str, digits: int) -> None:
    assert exponent(currency) == digits


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("19.99", "USD", 1999),
        ("19.9", "USD", 1990),
        ("19", "USD", 1900),
        ("19.990", "USD", 1999),
        ("0.01", "USD", 1),
        ("-5.00", "USD", -500),
        ("500", "JPY", 500),
        ("500.00", "JPY", 500),
        ("1.234", "KWD", 1234),
        (" 7 ", "EUR", 700),
        ("999999999999999.99", "USD", 99999999999999999),
    ],
)
def test_an_amount_is_read_as_minor_units(text: str, currency: str, minor: int) -> None:
    assert to_minor(text, currency) == minor


@pytest.mark.parametrize(("text", "currency"), [("19.999", "USD"), ("0.5", "JPY"), ("1.2345", "KWD")])
def test_an_amount_finer_than_the_currency_is_refused(text: str, currency: str) -> None:
    with pytest.raises(Usage, match="finer than"):
        to_minor(text, currency)


@pytest.mark.parametrize(
    "text", ["", "1,99", "1e3", "0x10", "NaN", "inf", "1_000", "$5", "5 USD", "--5", "5.", ".5", "٥", "1" * 16]
)
def test_what_is_not_a_plain_decimal_number_is_refused(text: str) -> None:
    with pytest.raises(Usage, match="is not an amount"):
        to_minor(text, "USD")


@pytest.mark.parametrize("currency", ["", "usd", "US", "XXXX", "BTC", "XAU"])
def test_an_invalid_currency_is_refused(currency: str) -> None:
    with pytest.raises(Usage, match="ISO 4217"):
        to_minor("1", currency)


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [
        (1999, "USD", "19.99"),
        (5, "USD", "0.05"),
        (0, "USD", "0.00"),
        (-5, "USD", "-0.05"),
        (-1999, "USD", "-19.99"),
        (500, "JPY", "500"),
        (1, "KWD", "0.001"),
    ],
)
def test_minor_units_are_shown_as_a_decimal_string(minor: int, currency: str, text: str) -> None:
    assert to_decimal(minor, currency) == text
    assert to_minor(text, currency) == minor


def test_two_currencies_cannot_be_added() -> None:
    assert Money(100, "USD") + Money(1, "USD") == Money(101, "USD")
    with pytest.raises(ValueError, match="cannot be added"):
        Money(100, "USD") + Money(100, "EUR")


def test_totals_are_given_by_currency() -> None:
    sums = [Money(3_120_210, "USD"), Money(88_000, "JPY"), Money(0, "USD")]

    assert totals(sums) == "31,202.10 USD and 88,000 JPY"
    assert totals([]) == ""


def test_the_common_currencies_are_those_of_iso_4217() -> None:
    assert {code: iso4217.Currency(code).exponent for code in COMMON} == COMMON
