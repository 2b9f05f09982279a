"""What csctl can do with a field of a record: the words in which `fields.py` describes each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, Flag, auto

from csctl.domain.addresses import ADDRESS_FIELDS

ADDRESSES = ("billing", "shipping")


class Use(Flag):
    """What csctl does with a field, besides storing it."""

    NONE = 0
    LISTED = auto()  # lists and `show` print it
    SHOWN = auto()  # `show` prints it
    FILE = auto()  # `data export` writes it, `data import` reads it
    ENTERED = auto()  # `customer create` and `customer edit` take it
    MERGED = auto()  # a merge fills it in, or moves it to the customer that is kept
    NAMES = auto()  # it identifies a person: erasing looks for its value in other texts
    AMOUNT = auto()  # minor units of the currency of the record
    INTERNAL = auto()  # `customer export` leaves it out: a secret, a copy for searching, or a claim of a process


class Erase(Enum):
    """What erasing a person does to a field that holds personal data."""

    EMPTY = auto()  # no value stays
    REPLACE = auto()  # a person wrote it: the word `erased` replaces it, whatever it says
    IF_NAMED = auto()  # csctl, a gateway or a bank wrote it: replaced where it names the person
    EMPTY_IF_NAMED = auto()  # emptied where it names the person, or looks like an email
    COPY = auto()  # a copy for searching, which the model keeps current
    KEEP = auto()  # personal, but kept: docs/security.md says why


@dataclass(frozen=True)
class Field:
    """A column of a table. `searched` are the parameters of `customer search` and `order search` that find it.

    `key` is its name in lists and `show`, `file` its name in exported and imported files.
    """

    name: str
    uses: Use
    erase: Erase | None
    searched: tuple[str, ...]
    key: str
    file: str

    @property
    def address(self) -> str | None:
        """`billing` or `shipping` for a part of an address."""
        kind, _, part = self.name.partition("_")
        return kind if kind in ADDRESSES and part in ADDRESS_FIELDS else None

    @property
    def detail(self) -> str:
        """What people see as one detail: an address is one, with all its parts."""
        return self.address or self.name

    @property
    def label(self) -> str:
        """The name for people: `First name`."""
        return "IP" if self.name == "ip" else self.name.replace("_", " ").capitalize()


@dataclass(frozen=True)
class Record:
    """A kind of record: its table, the prefix of its ids (`domain/ids.py`), and its fields in the order of files."""

    table: str
    prefix: str | None
    fields: tuple[Field, ...]


def record(table: str, prefix: str | None, *groups: Iterator[Field]) -> Record:
    return Record(table, prefix, tuple(field for group in groups for field in group))


def each(
    names: str,
    uses: Use = Use.NONE,
    *,
    erase: Erase | None = None,
    searched: str = "",
    key: str | None = None,
    file: str | None = None,
) -> Iterator[Field]:
    """The fields with these names, with the same uses. `key` and `file` are for a field that has another name there."""
    for name in names.split():
        yield Field(name, uses, erase, tuple(searched.split()), key or name, file or name)


def detail(names: str, uses: Use = Use.LISTED | Use.NAMES, *, searched: str) -> Iterator[Field]:
    """Details of a customer: people enter them, and they are exported, merged and erased."""
    always = Use.FILE | Use.ENTERED | Use.MERGED
    return each(names, uses | always, erase=Erase.EMPTY, searched=searched)
