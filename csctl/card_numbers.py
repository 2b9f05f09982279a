"""Recognize card numbers (domain rules, section 8), to refuse them in fields and mask them in messages."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from itertools import accumulate

_SHORTEST, _LONGEST = 13, 19
# Possessive repetitions: the time to search is proportional to the length of the text.
_GROUP = re.compile(rb"[0-9]+")
# Between the digits of one number people write blanks and dashes, ...
_RUN = re.compile(rb"[0-9]++(?: *+(?:-++ *+){0,3}+[0-9]++)*+")
# ... and, if it is grouped as on cards (four digits or more, and a rest), other characters as well.
_CHAIN = re.compile(
    rb"(?<![0-9])[0-9]{4,}+(?: *+(?:[-./_,*:|] *+){0,3}+[0-9]{4,}+)*+(?: *+(?:[-./_,*:|] *+){0,3}+[0-9]++)?+"
)
# First digits of the card networks: Visa 4; Mastercard 51-55, 2221-2720; Amex 34, 37; Discover 6011, 644-649, 65;
# Diners 300-305, 36, 38, 39; JCB 3528-3589; Maestro 50, 56-58, 6; UnionPay 62.
_NETWORK = re.compile(rb"4|5[0-8]|2(?:22[1-9]|2[3-9]|[3-6]|7[01]|720)|3[47]|6|30[0-5]|3[689]|35(?:2[89]|[3-8])")
# Networks whose numbers all have 16 digits, of which eight may be kept.
_OF_SIXTEEN = re.compile(r"4|5[1-5]|2(?:22[1-9]|2[3-9]|[3-6]|7[01]|720)|6011|64[4-9]|65|35(?:2[89]|[3-8])", re.ASCII)
_DIGITS = b"0123456789"
_NO_DIGITS = bytes(set(range(256)) - set(_DIGITS))
_VALUES = bytes.maketrans(_DIGITS, bytes(range(10)))
_DOUBLED = bytes.maketrans(_DIGITS, bytes([0, 2, 4, 6, 8, 1, 3, 5, 7, 9]))
_BLANKS = bytes.maketrans(b"\t\n\v\f\r\x1c\x1d\x1e\x1f", b" " * 9)
_DOTS = "\u00b7\u2022\u2027\u2219"


def holds_card_number(text: str) -> bool:
    """Whether 13 to 19 digits of the text pass the Luhn check and begin like a card number."""
    return next(_found(text), None) is not None


def without_card_numbers(text: str, mark: str = "****{last4}") -> str:
    """Replace each card number in the text by asterisks and its last four digits."""
    kept, end = [], 0
    for place, number in _found(text):
        kept += [text[end : place.start], mark.format(last4=number[-4:])]
        end = place.stop
    return "".join([*kept, text[end:]])


def redacted(text: str) -> str:
    """Replace each card number by a mark that `is_redacted` recognizes: the text is not data any more.

    Plain asterisks are not enough: a shop may write `**** 4242` itself.
    """
    return without_card_numbers(text, "[card number ending in {last4}]")


def is_redacted(text: str) -> bool:
    return "[card number" in text and re.search(r"\[card number ending in [0-9 -]{4}\]", text, re.ASCII) is not None


def bin_to_keep(first: str) -> str:
    """The first digits of a card that may be kept: eight if its number has 16 digits, else six (PCI DSS)."""
    return first[:8] if _OF_SIXTEEN.match(first) else first[:6]


def _found(text: str) -> Iterator[tuple[slice, str]]:
    """The places of card numbers, with their digits.

    Beside other digits (a date, a CVV) a number is recognized only if it is grouped as on cards: rows of dates and
    phone numbers contain too many valid numbers by chance. Else it must stand alone.
    """
    if not _has_enough_digits(text):
        return
    plain, end = _plain(text), 0
    for place in (*_printed(plain), slice(len(plain), None)):
        for run in _RUN.finditer(plain, end, place.start):
            if number := _alone(_digits(run[0])):
                yield slice(*run.span()), number.decode()
        if number := _digits(plain[place]):
            yield place, number.decode()
        end = place.stop


def _has_enough_digits(text: str) -> bool:
    """Whether the text has enough digits. Most have too few, and this check is faster than the search."""
    if len(text) < _SHORTEST:
        return False
    if text.isascii():
        return len(_digits(text.encode())) >= _SHORTEST
    return sum(map(str.isdigit, unicodedata.normalize("NFKC", text))) >= _SHORTEST


def _alone(number: bytes) -> bytes:
    """The number, if it is a card number; else an empty list."""
    fits = _SHORTEST <= len(number) <= _LONGEST and _NETWORK.match(number) and _Checks(number).hold(0, len(number))
    return number if fits else b""


def _printed(plain: bytes) -> Iterator[slice]:
    """Card numbers in groups of four digits or more, except the last group."""
    for chain in _CHAIN.finditer(plain):
        number = _digits(chain[0])
        if len(number) < _SHORTEST:
            continue
        groups = [group.span() for group in _GROUP.finditer(plain, *chain.span())]
        for first, after in _cards(number, [0, *accumulate(end - start for start, end in groups)]):
            yield slice(groups[first][0], groups[after - 1][1])


def _cards(number: bytes, places: list[int]) -> Iterator[tuple[int, int]]:
    """The card numbers in a row of digits that begin and end at one of these places, by their indexes; the longest
    ones.
    """
    checks = _Checks(number)
    first = last = 0
    while True:
        start = places[first]
        while places[last] < start + _SHORTEST:
            last += 1
            if last == len(places):
                return
        found, after = 0, last
        while after < len(places) and places[after] <= start + _LONGEST:
            found = after if checks.hold(start, places[after]) else found
            after += 1
        if found and _NETWORK.match(number, start):
            yield first, found
            first = found
        else:
            first += 1


class _Checks:
    """The check digit (Luhn) of any part of a number. The sums are added up once."""

    def __init__(self, number: bytes) -> None:
        self._sums = [self._added(number, first) for first in (0, 1)]

    def hold(self, start: int, end: int) -> bool:
        """Whether this part passes: from its last digit leftwards, every second one counts double."""
        sums = self._sums[end % 2]
        return (sums[end] - sums[start]) % 10 == 0

    @staticmethod
    def _added(number: bytes, first: int) -> list[int]:
        values = bytearray(number.translate(_VALUES))
        values[first::2] = number.translate(_DOUBLED)[first::2]
        return [0, *accumulate(values)]


def _plain(text: str) -> bytes:
    """Digits of every script as ASCII digits, and every blank, dash or invisible character as a separator."""
    if not text.isascii():
        text = text.translate({ord(char): _plain_char(char) for char in set(text) if not char.isascii()})
    return text.encode("ascii", "replace").translate(_BLANKS)


def _plain_char(char: str) -> str:
    if char.isspace() or unicodedata.category(char) in ("Cf", "Mn", "Me"):
        return " "
    if unicodedata.category(char) == "Pd" or char == "\u2212":
        return "-"
    if char in _DOTS:
        return "."
    same = unicodedata.normalize("NFKC", char)
    return str(unicodedata.digit(char, same if len(same) == 1 else char))


def _digits(text: bytes) -> bytes:
    return text.translate(None, _NO_DIGITS)
