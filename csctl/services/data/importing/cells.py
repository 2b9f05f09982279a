"""The texts of one row, read as what they stand for."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, tzinfo
from enum import StrEnum
from typing import TypeVar

from csctl.card_numbers import is_redacted
from csctl.clock import parse_date, parse_time
from csctl.domain import amounts
from csctl.domain.field_uses import ADDRESSES
from csctl.domain.money import exponent
from csctl.domain.record_kinds import REFERENCES, RecordKind
from csctl.domain.text import SHORT, accept
from csctl.errors import Usage

Word = TypeVar("Word", bound=StrEnum)
Value = TypeVar("Value")
_ADDRESS_LINES = [(f"{kind}_line1", f"{kind}_line2") for kind in ADDRESSES]
MOST = 2**63 - 1  # minor units that a column holds
# In texts on lines of their own: what cannot be printed, thirteen digits, and the mark of a card number.
_DOUBTFUL = re.compile(r"[^\n -~]|(?:[0-9][^0-9\n]*+){13}|\[card number", re.ASCII)
_BROKEN = re.compile("[\ud800-\udfff]")  # bytes that are no text
_NOTHING = frozenset(("n/a", "na", "#n/a", "nan", "null", "none", "nil", "-", "--", "unknown"))
_TIMES = frozenset(("created_at", "placed_at", "settled_at", "shipped_at", "closed_at"))
_LONGEST_TIME = 40
_TRUE, _FALSE = ("true", "yes", "y", "t", "1"), ("false", "no", "n", "f", "0")


@dataclass(frozen=True)
class Form:
    """How the values of a file are written: the decimal sign, if it is known; amounts in `minor` units. `by` are the
    fields that name a record by another key; `known_by` is the field by which one is recognized besides its key;
    `total`: the amount is what was refunded of the sale so far.
    """

    decimal: str | None = None
    minor: bool = False
    by: Mapping[str, str] = field(default_factory=dict)
    known_by: str | None = None
    total: bool = False


class Cells:
    """The fields that a row gives. Everything that reads one returns None where it is not given, and raises Usage,
    naming the field, where it makes no sense.
    """

    def __init__(self, place: int, line: int, texts: Mapping[str, str], zone: tzinfo, form: Form = Form()) -> None:
        self.place = place  # in its batch
        self.line = line
        self._texts = texts
        self._zone = zone
        self._form = form

    def check(self) -> None:
        """Raises Usage for a text that may not be kept: a card number, the mark that a file of rejects has in its
        place, NUL, bytes that are not UTF-8.
        """
        # Most rows hold nothing that has to be looked at: that is found out of all their texts together.
        doubtful = self._texts
        plain = [text for name, text in self._texts.items() if text.isascii() and name not in _TIMES]
        if plain and _are_plain(plain):
            doubtful = {name: text for name, text in self._texts.items() if not text.isascii() or name in _TIMES}
        for name, text in doubtful.items():
            if name in _TIMES and len(text) <= _LONGEST_TIME and text.isascii() and text.isprintable():
                continue  # it is a time, or refused
            if is_redacted(text):
                raise Usage(f"{name}: a card number was here", fix="write its last four digits, or leave it empty")
            if not text.isprintable() and _BROKEN.search(text):
                raise Usage(
                    f"{name}: the bytes are not UTF-8",
                    fix="name the encoding of the file: --encoding cp1252 (Windows), or mac-roman",
                )
            accept(text, name, reference=name in REFERENCES)

    def split_addresses(self) -> bool:
        """Take the further lines of a first address line for the second. Returns whether there was one."""
        found = False
        for first, second in _ADDRESS_LINES:
            text = self._texts.get(first, "")
            if "\n" in text or "\r" in text:
                line, *more = [part.strip() for part in text.splitlines() if part.strip()]
                below = ", ".join([*more, *filter(None, [self._texts.get(second)])])
                self._texts = {**self._texts, first: line, **({second: below} if below else {})}
                found = True
        return found

    def __contains__(self, name: str) -> bool:
        return name in self._texts

    def need(self, kind: RecordKind) -> None:
        """Raises Usage if a field that a new record needs is not given."""
        for name in kind.missing(self._texts):
            raise Usage(f"{name} is missing", cause=f"a new {kind.noun} needs it")

    @property
    def known_by(self) -> str | None:
        """By which other field a record is recognized that is here already, and then left alone."""
        return self._form.known_by

    @property
    def is_total(self) -> bool:
        """Whether the amount is what was refunded of the sale so far."""
        return self._form.total

    def text(self, name: str) -> str | None:
        return self._texts.get(name)

    def by(self, name: str) -> str | None:
        """By which other key a field names its record."""
        return self._form.by.get(name)

    def read(self, name: str, reader: Callable[[str], Value]) -> Value | None:
        """A field as `reader` understands it."""
        if name not in self._texts:
            return None
        try:
            return reader(self._texts[name])
        except Usage as error:
            text = self._texts[name]
            nothing = f'if {text} means nothing: --mapping FILE with [file] empty = ["{text}"]'
            fix = nothing if text.casefold() in _NOTHING else error.fix
            raise Usage(f"{name}: {error.message}", cause=error.cause, fix=fix) from None

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
            amount = amounts.read(text, currency, decimal=self._form.decimal, minor=self._form.minor)
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

    def mark(self, name: str, otherwise: datetime) -> datetime | None:
        """A time, or a plain yes, which stands for another time. None for a plain no."""

        def read(text: str) -> datetime | None:
            if text.lower() in _FALSE:
                return None
            return otherwise if text.lower() in _TRUE else parse_time(text, self._zone)

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


def _are_plain(texts: list[str]) -> bool:
    """Whether none of these texts, all of them ASCII, holds anything that has to be looked at."""
    together = "\n".join(texts)
    alone = together.count("\n") == len(texts) - 1
    return alone and len(together) <= SHORT and not _DOUBTFUL.search(together)
