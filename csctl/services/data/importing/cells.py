"""The texts of one row, read as what they stand for."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, tzinfo
from enum import StrEnum
from typing import TypeVar

from csctl.card_numbers import is_blotted_out
from csctl.clock import parse_date, parse_time
from csctl.domain.money import exponent, to_minor
from csctl.domain.record_kinds import REFERENCES
from csctl.domain.text import accept
from csctl.errors import Usage

Word = TypeVar("Word", bound=StrEnum)
Value = TypeVar("Value")
MOST = 2**63 - 1  # minor units that a column holds
_TRUE, _FALSE = ("true", "yes", "y", "t", "1"), ("false", "no", "n", "f", "0")


class Cells:
    """The fields that a row gives. Everything that reads one returns None where it is not given, and raises Usage,
    naming the field, where it makes no sense.
    """

    def __init__(self, place: int, line: int, texts: Mapping[str, str], zone: tzinfo) -> None:
        self.place = place  # in its batch
        self.line = line
        self._texts = texts
        self._zone = zone

    def check(self) -> None:
        """Raises Usage for a text that may not be kept: a card number, the mark that a file of rejects has in its
        place, NUL, bytes that are not UTF-8.
        """
        for name, text in self._texts.items():
            if is_blotted_out(text):
                raise Usage(f"{name}: a card number was here", fix="write its last four digits, or leave it empty")
            accept(text, name, reference=name in REFERENCES)

    def __contains__(self, name: str) -> bool:
        return name in self._texts

    def need(self, names: Sequence[str], what: str) -> None:
        """Raises Usage if a field that a new record needs is not given."""
        for name in names:
            if name not in self._texts:
                raise Usage(f"{name} is missing", cause=f"a new {what} needs it")

    def text(self, name: str) -> str | None:
        return self._texts.get(name)

    def read(self, name: str, reader: Callable[[str], Value]) -> Value | None:
        """A field as `reader` understands it."""
        if name not in self._texts:
            return None
        try:
            return reader(self._texts[name])
        except Usage as error:
            message = error.message if error.message.startswith(name) else f"{name}: {error.message}"
            raise Usage(message, cause=error.cause, fix=error.fix) from None

    def word(self, name: str, words: type[Word]) -> Word | None:
        """One of the words for a state, in any case."""

        def known(text: str) -> Word:
            try:
                return words(text.lower())
            except ValueError:
                raise Usage(f"{text[:40]!r} is not one of them", fix=f"one of: {', '.join(words)}") from None

        return self.read(name, known)

    def whole(self, name: str, least: int, most: int) -> int | None:
        """A whole number. `3.0` is one: spreadsheets write it so."""

        def number(text: str) -> int:
            match = re.fullmatch(r"([0-9]{1,18})(?:\.0+)?", text, re.ASCII)
            if not match or not least <= int(match[1]) <= most:
                raise Usage(f"{text[:40]!r} is not a whole number from {least} to {most}")
            return int(match[1])

        return self.read(name, number)

    def currency(self, name: str = "currency") -> str | None:
        return self.read(name, _currency)

    def amount(self, name: str, currency: str) -> int | None:
        """Minor units. Negative ones are refused."""

        def minor(text: str) -> int:
            amount = to_minor(text, currency)
            if amount < 0:
                raise Usage(f"{text} is negative", fix="a refund is a transaction of its own, with a positive amount")
            return amount

        return self.read(name, minor)

    def time(self, name: str) -> datetime | None:
        """A time in UTC; without an offset it is meant in the shop's zone."""
        return self.read(name, lambda text: parse_time(text, self._zone))

    def day(self, name: str) -> date | None:
        """A calendar day; of a time, the shop's day."""

        def read(text: str) -> date:
            try:
                return parse_date(text)
            except Usage:
                return parse_time(text, self._zone).astimezone(self._zone).date()

        return self.read(name, read)

    def flag(self, name: str) -> bool | None:
        def read(text: str) -> bool:
            if text.lower() not in _TRUE + _FALSE:
                raise Usage(f"{text[:40]!r} is neither true nor false")
            return text.lower() in _TRUE

        return self.read(name, read)

    def digits(self, name: str, least: int, most: int) -> str | None:
        """So many digits, as text."""

        def read(text: str) -> str:
            if not re.fullmatch(f"[0-9]{{{least},{most}}}", text, re.ASCII):
                wanted = f"{least}" if least == most else f"{least} to {most}"
                raise Usage(f"it must be {wanted} digits")
            return text

        return self.read(name, read)

    def account(self, name: str = "gateway") -> str | None:
        """The name of a gateway account, in lower case as accounts are."""

        def read(text: str) -> str:
            if not re.fullmatch(r"[a-z0-9_]+", text.lower(), re.ASCII):
                raise Usage(f"{text[:40]!r} is not the name of a gateway account", fix="a name such as main")
            return text.lower()

        return self.read(name, read)


def _currency(text: str) -> str:
    code = text.upper()
    exponent(code)
    return code
