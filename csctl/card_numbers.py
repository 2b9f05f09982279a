"""Card numbers: how they are recognised (domain rules, section 8), to be refused in fields and masked in messages."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from itertools import accumulate

_SHORTEST, _LONGEST = 13, 19
# No repetition gives back what it took: the time to search is proportional to the length of the text.
_GROUP = re.compile(rb"[0-9]+")
# Between the digits of one number people put blanks and dashes, ...
_RUN = re.compile(rb"[0-9]++(?: *+(?:-++ *+){0,3}+[0-9]++)*+")
# ... and, where it is grouped as cards print it (four digits or more, and what is left), other marks as well.
_CHAIN = re.compile(
    rb"(?<![0-9])[0-9]{4,}+(?: *+(?:[-./_,*:|] *+){0,3}+[0-9]{4,}+)*+(?: *+(?:[-./_,*:|] *+){0,3}+[0-9]++)?+"
)
# First digits of the card networks: Visa 4; Mastercard 51-55, 2221-2720; Amex 34, 37; Discover 6011, 644-649, 65;
# Diners 300-305, 36, 38, 39; JCB 3528-3589; Maestro 50, 56-58, 6; UnionPay 62.
_NETWORK = re.compile(rb"4|5[0-8]|2(?:22[1-9]|2[3-9]|[3-6]|7[01]|720)|3[47]|6|30[0-5]|3[689]|35(?:2[89]|[3-8])")
# Those whose numbers all have 16 digits, and of which eight may be kept.
_OF_SIXTEEN = re.compile(r"4|5[1-5]|2(?:22[1-9]|2[3-9]|[3-6]|7[01]|720)|6011|64[4-9]|65|35(?:2[89]|[3-8])", re.ASCII)
_DIGITS = b"0123456789"
_NO_DIGITS = bytes(set(range(256)) - set(_DIGITS))
_VALUES = bytes.maketrans(_DIGITS, bytes(range(10)))
_DOUBLED = bytes.maketrans(_DIGITS, bytes([0, 2, 4, 6, 8, 1, 3, 5, 7, 9]))
_BLANKS = bytes.maketrans(b"\t\n\v\f\r\x1c\x1d\x1e\x1f", b" " * 9)
_DOTS = "\u00b7\u2022\u2027\u2219"


def holds_card_number(text: str) -> bool:
    """Whether 13 to 19 digits in it pass Luhn and start like a card network's."""
    return next(_found(text), None) is not None


def without_card_numbers(text: str, mark: str = "****{last4}") -> str:
    """The text with what looks like a card number reduced to its last four digits."""
    kept, end = [], 0
    for place, number in _found(text):
        kept += [text[end : place.start], mark.format(last4=number[-4:])]
        end = place.stop
    return "".join([*kept, text[end:]])


def blotted_out(text: str) -> str:
    """The text with a mark where card numbers were that `is_blotted_out` knows again: it is no data any more.

    Plain asterisks would not do: `**** 4242` is what a shop may well write of its own.
    """
    return without_card_numbers(text, "[card number ending in {last4}]")


def is_blotted_out(text: str) -> bool:
    return "[card number" in text and re.search(r"\[card number ending in [0-9 -]{4}\]", text, re.ASCII) is not None


def bin_to_keep(first: str) -> str:
    """Of the first digits of a card those that may be kept: eight if its number has 16 digits, else six (PCI DSS)."""
    return first[:8] if _OF_SIXTEEN.match(first) else first[:6]


def _found(text: str) -> Iterator[tuple[slice, str]]:
    """Where they are, and their digits.

    Beside other digits (a date, a CVV) a number is seen where it is grouped as cards print it: dates and phone numbers
    in a row hold too many numbers that look like a card's by chance. Else it has to stand alone.
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
    """Most texts have too few, which is found out faster than where they are."""
    if len(text) < _SHORTEST:
        return False
    if text.isascii():
        return len(_digits(text.encode())) >= _SHORTEST
    return sum(map(str.isdigit, unicodedata.normalize("NFKC", text))) >= _SHORTEST


def _alone(number: bytes) -> bytes:
    """The number, if it is a card's; else nothing."""
    fits = _SHORTEST <= len(number) <= _LONGEST and _NETWORK.match(number) and _Checks(number).hold(0, len(number))
    return number if fits else b""


def _printed(plain: bytes) -> Iterator[slice]:
    """Card numbers in groups of four digits or more, but for the last."""
    for chain in _CHAIN.finditer(plain):
        number = _digits(chain[0])
        if len(number) < _SHORTEST:
            continue
        groups = [group.span() for group in _GROUP.finditer(plain, *chain.span())]
        for first, after in _cards(number, [0, *accumulate(end - start for start, end in groups)]):
            yield slice(groups[first][0], groups[after - 1][1])


def _cards(number: bytes, places: list[int]) -> Iterator[tuple[int, int]]:
    """The card numbers in a row of digits that begin and end at one of these places, by their indexes; the longest."""
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
    """The check digit (Luhn) of any part of a number, whose sums are added up once."""

    def __init__(self, number: bytes) -> None:
        self._sums = [self._added(number, first) for first in (0, 1)]

    def hold(self, start: int, end: int) -> bool:
        """From the last digit leftwards, every second one counts double."""
        sums = self._sums[end % 2]
        return (sums[end] - sums[start]) % 10 == 0

    @staticmethod
    def _added(number: bytes, first: int) -> list[int]:
        values = bytearray(number.translate(_VALUES))
        values[first::2] = number.translate(_DOUBLED)[first::2]
        return [0, *accumulate(values)]


def _plain(text: str) -> bytes:
    """Digits of every script as ASCII's, and all that is blank, a dash or invisible as one of those that separate."""
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
