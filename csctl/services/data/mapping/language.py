"""What a mapping can say."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from csctl.domain.record_kinds import KINDS, RecordKind
from csctl.errors import Usage
from csctl.tabular.options import FileOptions

COUNTER = "#"
OTHERS = "*"  # among values: any other word
# The other keys by which a record may be named: the field that names it, and what it is then looked up by.
OTHER_KEYS = {"customer": "email", "order": "charge", "parent": "gateway_ref", "payment_method": "token"}
_HOLE = re.compile(r"\{([^{}]+)\}")


@dataclass(frozen=True)
class Template:
    """A text with holes, each a column or the counter: `{Date} {Time}`. Without holes it is the name of a column."""

    pieces: tuple[str, ...]  # texts and holes in turn, beginning with a text

    @classmethod
    def parse(cls, text: str) -> Template:
        return cls(tuple(_HOLE.split(text))) if _HOLE.search(text) else cls(("", text, ""))

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(hole for hole in self.pieces[1::2] if hole != COUNTER)

    @property
    def column(self) -> str | None:
        """The column, if that is all."""
        return self.pieces[1] if len(self.pieces) == 3 and not self.pieces[0] and not self.pieces[2] else None


@dataclass(frozen=True)
class Rule:
    """Where the text of a field comes from: the first of `sources` that has one, or a `constant`.

    `values` are other words for it, `absolute` drops its sign, `word` takes its first word or the rest, `zone` and
    `dates` say how a time is written, `by` looks the record that it names up by another key. `total`: an amount is the
    sum so far. `assumed`: the constant is a guess, of which an import warns.
    """

    sources: tuple[Template, ...] = ()
    constant: str | None = None
    values: Mapping[str, str] | None = None
    absolute: bool = False
    word: str | None = None
    zone: Template | None = None
    dates: tuple[str, ...] = ()
    by: str | None = None
    total: bool = False
    assumed: bool = False

    @property
    def columns(self) -> Iterator[str]:
        for template in self.sources:
            yield from template.columns
        if self.zone and self.zone.column is None:
            yield from self.zone.columns


@dataclass(frozen=True)
class Condition:
    """Which rows count: those whose column has one of the words, or, `negated`, none of them."""

    column: str
    words: frozenset[str]
    negated: bool = False


@dataclass(frozen=True)
class FileRules:
    """How the values of a file are written. Amounts are in `minor` units or decimal, `empty` words mean nothing."""

    options: FileOptions = field(default_factory=FileOptions)
    decimal: str | None = None
    minor: bool = False
    dates: tuple[str, ...] = ()
    empty: frozenset[str] = frozenset()


@dataclass
class Section:
    """The records of one kind in a file. `name` tells several sections of a kind apart: `transactions.refund`.

    `items` is the path of a list in each JSON row of which every element is a record. `first` takes only the first row
    with a key. `known_by` leaves a record alone if one is here with the same value in that field. `left_out` are fields
    that nothing is mapped to; with `automatic`, columns that are called like fields need no rule.
    """

    kind: RecordKind
    name: str
    rules: dict[str, Rule] = field(default_factory=dict)
    left_out: frozenset[str] = frozenset()
    where: tuple[Condition, ...] = ()
    items: str | None = None
    first: bool = False
    known_by: str | None = None
    automatic: bool = False

    @property
    def columns(self) -> list[str]:
        """The columns that it names."""
        ruled = [column for rule in self.rules.values() for column in rule.columns]
        return list(dict.fromkeys([*ruled, *(condition.column for condition in self.where)]))

    def set(self, name: str, rule: Rule) -> None:
        """Add or replace the rule of a field. Raises Usage for a field that the kind does not have."""
        if name not in self.kind.fields:
            raise Usage(f"{self.kind.name} have no field {name!r}", fix=f"one of: {', '.join(self.kind.fields)}")
        if rule.by and OTHER_KEYS.get(name) != rule.by:
            keys = ", ".join(f"{one} by {key}" for one, key in OTHER_KEYS.items())
            raise Usage(f"{name} cannot be looked up by {rule.by!r}", fix=f"possible are: {keys}")
        if rule.total and (self.kind.name, name) != ("transactions", "amount"):
            raise Usage(f"{name} of {self.kind.name} is not a total", fix="only the amount of a refund can be one")
        self.rules[name] = rule

    @property
    def total(self) -> bool:
        """Whether its amounts are what was refunded of each sale so far."""
        return "amount" in self.rules and self.rules["amount"].total


@dataclass
class Mappings:
    """All that is said of a file. `label` is how messages call it, `previous` and `next` are the named mappings that
    usually come before and after it.
    """

    file: FileRules = field(default_factory=FileRules)
    sections: list[Section] = field(default_factory=list)
    label: str | None = None
    previous: str | None = None
    next: str | None = None

    def of_kind(self, kind: str) -> Mappings:
        """Only the sections of a kind. Raises Usage if it has none."""
        found = [section for section in self.sections if section.kind.name == kind]
        if not found:
            kinds = ", ".join(dict.fromkeys(section.kind.name for section in self.sections))
            raise Usage(f"{self.label} says nothing of {kind}", fix=f"it has: {kinds}; all imports all of them")
        return replace(self, sections=found)

    def in_order(self) -> list[Section]:
        """The sections, each after those that its records may refer to."""
        order = list(KINDS)
        return sorted(self.sections, key=lambda section: order.index(section.kind.name))
