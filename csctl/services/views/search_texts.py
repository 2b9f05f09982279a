"""Parts of a customer's texts: the exact condition of a search, and what the index of trigrams is asked for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ARRAY, ColumnElement, Text, and_, cast, false, literal_column, or_

from csctl import search_index
from csctl.domain.fields import TEXTS
from csctl.models import Customer

Condition = ColumnElement[bool]

_TEXTS = ARRAY(Text)
# Whatever may follow a character in a folded text.
_FOLLOWING = [chr(code) for code in range(1, 128) if not chr(code).isupper()]


def _plain_code(name: str) -> ColumnElement[str]:
    """Worded as the index of PostgreSQL is."""
    return literal_column(search_index.PLAIN_CODE.format(f"customers.{name}"), Text)


@dataclass(frozen=True)
class Field:
    """Columns of which any may contain a text, and where the index has it. `bigrams`: it is in that index, too.

    `around` has all words of the columns, where PostgreSQL's index of trigrams has not these themselves.
    """

    columns: tuple[ColumnElement[Any] | Any, ...]
    indexed: str
    bigrams: bool = True
    around: ColumnElement[Any] | Any | None = None


NAME = Field((Customer.folded_first_name, Customer.folded_last_name), "first_name last_name")
DETAILS = {name: Field((getattr(Customer, f"folded_{name}"),), name) for name in TEXTS}
ADDRESS = Field((Customer.folded_address,), "address")
CITY = Field((Customer.folded_city,), "address", around=Customer.folded_address)
REGION = Field((Customer.folded_region,), "address", around=Customer.folded_address)
PHONE = Field((Customer.phone_digits,), "phone", bigrams=False)
POSTAL_CODE = Field(
    (_plain_code("billing_postal_code"), _plain_code("shipping_postal_code")), "postal_code", bigrams=False
)
ANYWHERE = Field(
    tuple(column for field in (*DETAILS.values(), ADDRESS) for column in field.columns), " ".join((*TEXTS, "address"))
)


@dataclass(frozen=True)
class Part:
    """A text that one of the columns of a field contains. It is folded; an empty one is contained in none."""

    field: Field
    text: str

    def condition(self) -> Condition:
        if not self.text:
            return false()
        return or_(*(column.contains(self.text, autoescape=True) for column in self.field.columns))

    def indexed(self) -> Condition:
        """What PostgreSQL finds at least the same with, by its index of trigrams."""
        if self.field.around is None or not self.text:
            return self.condition()
        return and_(*(self.field.around.contains(word, autoescape=True) for word in self.text.split(" ")))

    def trigrams(self, fewest: int) -> str | None:
        """What FTS5 finds at least the same with, by words of so many letters; None where it would find everything."""
        words = [_of_word(word) for word in self.text.split(" ") if len(word) >= fewest]
        return f"{{{self.field.indexed}}} : ({' AND '.join(words)})" if words else None

    def bigrams(self, *, all_words: bool) -> Condition | None:
        """The same for the index of bigrams on PostgreSQL: for words of two letters, or for all."""
        words = [word for word in self.text.split(" ") if len(word) == 2 or all_words]
        pairs = {word[at : at + 2] for word in words for at in range(len(word) - 1)}
        if not pairs or not self.field.bigrams:
            return None
        return literal_column(f"csctl_bigrams({search_index.bigram_text()})").op("@>")(cast(sorted(pairs), _TEXTS))


# Any of several, each of which is several parts that all have to match.
Alternatives = Sequence[Sequence[Part]]


def condition(alternatives: Alternatives) -> Condition:
    """What matches exactly."""
    return or_(false(), *(and_(*(part.condition() for part in parts)) for parts in alternatives))


def indexed(alternatives: Alternatives) -> Condition:
    """What includes the matches on PostgreSQL, by its index of trigrams."""
    return or_(false(), *(and_(*(part.indexed() for part in parts)) for parts in alternatives))


def match(criteria: Sequence[Alternatives]) -> str | None:
    """The FTS5 query whose matches include those of all criteria; None where it would match everything.

    Words of two letters find little, and take long: they are asked for where there is nothing else.
    """
    for fewest in (3, 2):
        if either := [found for alternatives in criteria if (found := _either(alternatives, fewest))]:
            return " AND ".join(either)
    return None


def bigrams(alternatives: Alternatives, *, all_words: bool) -> Condition | None:
    """What includes the matches on PostgreSQL by its index of bigrams; None where that would be everything."""
    found = []
    for parts in alternatives:
        every = [pairs for part in parts if (pairs := part.bigrams(all_words=all_words)) is not None]
        if not every:
            return None
        found.append(and_(*every))
    return or_(*found) if found else None


def _either(alternatives: Alternatives, fewest: int) -> str | None:
    found = []
    for parts in alternatives:
        every = [trigrams for part in parts if (trigrams := part.trigrams(fewest))]
        if not every:
            return None
        found.append(" AND ".join(every))
    return f"({' OR '.join(f'({one})' for one in found)})" if found else None


def _of_word(word: str) -> str:
    """Trigrams that cover the word: more of them find little less, and take longer. Two letters begin one of a few."""
    if len(word) == 2:
        return f"({' OR '.join(_quoted(word + following) for following in _FOLLOWING)})"
    last = len(word) - 3
    return " AND ".join(dict.fromkeys(_quoted(word[at : at + 3]) for at in (*range(0, last, 3), last)))


def _quoted(trigram: str) -> str:
    return '"' + trigram.replace('"', '""') + '"'
