"""Card numbers: how they are recognised (domain rules, section 8), to be refused in fields and masked in messages."""

from __future__ import annotations

import re
from collections.abc import Iterator

_RUN_OF_DIGITS = re.compile(r"(?<![0-9])[0-9](?:[ -]?[0-9]){12,18}(?![0-9])", re.ASCII)
# First digits of the card networks: Visa 4; Mastercard 51-55, 2221-2720; Amex 34, 37; Discover 6011, 644-649, 65;
# Diners 300-305, 36, 38, 39; JCB 3528-3589; Maestro 50, 56-58, 6; UnionPay 62.
_NETWORK = re.compile(
    r"4|5[0-8]|2(?:22[1-9]|2[3-9]|[3-6]|7[01]|720)|3[47]|6|30[0-5]|3[689]|35(?:2[89]|[3-8])", re.ASCII
)


def holds_card_number(text: str) -> bool:
    """Whether 13 to 19 digits in it pass Luhn and start like a card network's."""
    return next(_found(text), None) is not None


def without_card_numbers(text: str, mark: str = "****{last4}") -> str:
    """The text with what looks like a card number reduced to its last four digits."""
    for number in _found(text):
        text = text.replace(number, mark.format(last4=number[-4:]))
    return text


def blotted_out(text: str) -> str:
    """The text with a mark where card numbers were that `is_blotted_out` knows again: it is no data any more.

    Plain asterisks would not do: `**** 4242` is what a shop may well write of its own.
    """
    return without_card_numbers(text, "[card number ending in {last4}]")


def is_blotted_out(text: str) -> bool:
    return re.search(r"\[card number ending in [0-9 -]{4}\]", text, re.ASCII) is not None


def _found(text: str) -> Iterator[str]:
    for match in _RUN_OF_DIGITS.finditer(text):
        number = re.sub("[ -]", "", match[0])
        if _NETWORK.match(number) and _luhn(number):
            yield match[0]


def _luhn(number: str) -> bool:
    total = 0
    for place, char in enumerate(reversed(number)):
        value = int(char) * (2 if place % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0
