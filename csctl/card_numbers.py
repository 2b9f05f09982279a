"""Card numbers: how they are recognised (domain rules, section 8), to be refused in fields and masked in messages."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

# Digits with what people put between those of one number: spaces, dashes, dots, up to three of them (` - `).
_RUN_OF_DIGITS = re.compile(r"[0-9](?:[ .-]{0,3}[0-9])*", re.ASCII)
_GROUP = re.compile(r"[0-9]+", re.ASCII)
_SHORTEST, _LONGEST = 13, 19
# ASCII text without such a run holds none: nearly all text of an import is done with here.
_LONG_RUN = re.compile(rf"[0-9](?:[ \t-\r\x1c-\x1f.-]{{0,3}}[0-9]){{{_SHORTEST - 1}}}", re.ASCII)
# First digits of the card networks: Visa 4; Mastercard 51-55, 2221-2720; Amex 34, 37; Discover 6011, 644-649, 65;
# Diners 300-305, 36, 38, 39; JCB 3528-3589; Maestro 50, 56-58, 6; UnionPay 62.
_NETWORK = re.compile(
    r"4|5[0-8]|2(?:22[1-9]|2[3-9]|[3-6]|7[01]|720)|3[47]|6|30[0-5]|3[689]|35(?:2[89]|[3-8])", re.ASCII
)


def holds_card_number(text: str) -> bool:
    """Whether 13 to 19 digits in it pass Luhn and start like a card network's."""
    return _may_hold_one(text) and next(_found(text), None) is not None


def without_card_numbers(text: str, mark: str = "****{last4}") -> str:
    """The text with what looks like a card number reduced to its last four digits."""
    kept, end = "", 0
    for place, number in _found(text):
        kept += f"{text[end : place.start]}{mark.format(last4=number[-4:])}"
        end = place.stop
    return kept + text[end:]


def blotted_out(text: str) -> str:
    """The text with a mark where card numbers were that `is_blotted_out` knows again: it is no data any more.

    Plain asterisks would not do: `**** 4242` is what a shop may well write of its own.
    """
    return without_card_numbers(text, "[card number ending in {last4}]")


def is_blotted_out(text: str) -> bool:
    return "[card number" in text and re.search(r"\[card number ending in [0-9 -]{4}\]", text, re.ASCII) is not None


def _found(text: str) -> Iterator[tuple[slice, str]]:
    """Where they are, and their digits."""
    if not _may_hold_one(text):
        return
    plain = "".join(map(_plain, text))
    for run in _RUN_OF_DIGITS.finditer(plain):
        groups = [slice(*group.span()) for group in _GROUP.finditer(plain, *run.span())]
        first = 0
        while first < len(groups):
            count = _card_at(plain, groups, first)
            if count:
                place = slice(groups[first].start, groups[first + count - 1].stop)
                yield place, _digits(plain[place])
            first += count or 1


def _may_hold_one(text: str) -> bool:
    if len(text) < _SHORTEST:
        return False
    if text.isascii():
        return _LONG_RUN.search(text) is not None
    return sum(map(str.isdigit, text)) >= _SHORTEST


def _card_at(plain: str, groups: list[slice], first: int) -> int:
    """How many groups of a run make up a card number that begins with this one; 0 if none does.

    Beside other digits (a date, a CVV) a number is seen where it is grouped as cards print it: dates and phone numbers
    in a row hold too many numbers that look like a card's by chance.
    """
    for count in range(1, min(_LONGEST, len(groups) - first) + 1):
        places = groups[first : first + count]
        written = plain[places[0].start : places[-1].stop]
        number = _digits(written)
        if len(number) > _LONGEST:
            break
        alone = count == len(groups) and "." not in written
        if len(number) >= _SHORTEST and (alone or _as_printed(places)) and _NETWORK.match(number) and _luhn(number):
            return count
    return 0


def _as_printed(groups: list[slice]) -> bool:
    return all(group.stop - group.start >= 4 for group in groups[:-1])


def _plain(char: str) -> str:
    """Digits of every script as ASCII's, and all that is blank, a dash or invisible as one of those that separate."""
    if char.isspace() or unicodedata.category(char) == "Cf":
        return " "
    if char.isascii():
        return char
    if unicodedata.category(char) == "Pd" or char == "\u2212":
        return "-"
    return str(unicodedata.digit(char, char))


def _digits(text: str) -> str:
    return "".join(_GROUP.findall(text))


def _luhn(number: str) -> bool:
    total = 0
    for place, char in enumerate(reversed(number)):
        value = int(char) * (2 if place % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0
