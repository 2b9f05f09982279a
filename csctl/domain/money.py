"""Money: whole minor units of an ISO 4217 currency. Never a float, never "/100"."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from csctl.errors import Damaged, Usage

USUAL_EXPONENT = 2
# The currencies of most shops, as ISO 4217 has them: importing the whole table takes 25 ms.
COMMON = {**dict.fromkeys(("USD", "EUR", "GBP", "CAD", "AUD", "CHF", "SEK", "NOK", "DKK", "PLN", "INR"), 2), "JPY": 0}
_DECIMAL = re.compile(r"(-?)(\d{1,15})(?:\.(\d{1,6}))?", re.ASCII)


@cache
def exponent(currency: str) -> int:
    """The number of decimals of a currency: JPY 0, USD 2, KWD 3. Raises Usage for an unknown currency."""
    if currency in COMMON:
        return COMMON[currency]
    import iso4217

    try:
        digits = iso4217.Currency(currency).exponent
    except ValueError:
        digits = None
    if digits is None:
        raise Usage(f"{currency!r} is not an ISO 4217 currency", fix="write a code such as USD, EUR or JPY")
    return int(digits)


def is_currency(text: str) -> bool:
    """Whether this is the code of a currency."""
    try:
        return exponent(text) >= 0
    except Usage:
        return False


@cache
def unusual_currencies() -> dict[int, list[str]]:
    """The currencies that do not have two decimals, by their number of decimals."""
    import iso4217

    found: dict[int, list[str]] = defaultdict(list)
    for currency in iso4217.Currency:
        if currency.exponent not in (USUAL_EXPONENT, None):
            found[int(currency.exponent)].append(currency.code)
    return dict(found)


def to_minor(text: str, currency: str) -> int:
    """Minor units from a decimal string: ("19.99", "USD") is 1999.

    Raises Usage for anything that is not a plain decimal number, or finer than the currency allows.
    """
    match = _DECIMAL.fullmatch(text.strip())
    if not match:
        raise Usage(f"{text!r} is not an amount", fix="write a plain decimal number such as 19.99")
    sign, whole, fraction = match[1], match[2], (match[3] or "").rstrip("0")
    digits = exponent(currency)
    if len(fraction) > digits:
        raise Usage(
            f"{text} is finer than {currency} allows", cause=f"{currency} has {digits} decimals", fix="round the amount"
        )
    return int(sign + whole + fraction.ljust(digits, "0"))


def to_decimal(amount: int, currency: str) -> str:
    """The decimal string of minor units: (1999, "USD") is "19.99", (500, "JPY") is "500".

    Raises Damaged for an unknown currency: amounts come from the database, where it was checked.
    """
    try:
        digits = exponent(currency)
    except Usage as error:
        raise Damaged(error.message, fix="csctl db check") from None
    if digits == 0:
        return str(amount)
    sign, rest = ("-" if amount < 0 else ""), str(abs(amount)).rjust(digits + 1, "0")
    return f"{sign}{rest[:-digits]}.{rest[-digits:]}"


@dataclass(frozen=True, order=False)
class Money:
    """An amount in minor units of a currency."""

    amount: int
    currency: str

    @classmethod
    def parse(cls, text: str, currency: str) -> Money:
        return cls(to_minor(text, currency), currency)

    def __add__(self, other: Money) -> Money:
        if self.currency != other.currency:
            raise ValueError(f"{self.currency} and {other.currency} cannot be added")
        return Money(self.amount + other.amount, self.currency)

    def __str__(self) -> str:
        return f"{to_decimal(self.amount, self.currency)} {self.currency}"


def totals(sums: Iterable[Money]) -> str:
    """The sums of amounts in several currencies: "31,202.10 USD and 88,000 JPY"."""
    by_currency: dict[str, int] = defaultdict(int)
    for money in sums:
        by_currency[money.currency] += money.amount
    return " and ".join(
        f"{_grouped(to_decimal(amount, code))} {code}" for code, amount in sorted(by_currency.items(), reverse=True)
    )


def _grouped(decimal: str) -> str:
    whole, dot, fraction = decimal.partition(".")
    return f"{int(whole):,}{dot}{fraction}"
