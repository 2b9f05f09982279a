"""Parts of a customer's texts: the exact condition of a search, and what the index of trigrams is asked for it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import ARRAY, ColumnElement, Text, and_, cast, false, literal_column, or_

from csctl import search_index
from csctl.domain.fields import TEXTS
from csctl.models import Customer

Condition = ColumnElement[bool]

_TEXTS = ARRAY(Text)
_Question = TypeVar("_Question", str, Condition)
_COMMON, _COMMON_PAIR = 0.5, 0.05  # of the customers
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

    @property
    def listed(self) -> tuple[ColumnElement[Any] | Any, ...]:
        return self.columns if self.around is None else (self.around,)


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


# Whether the index shall be asked for a piece of a text: trigrams on SQLite, words on PostgreSQL, or two letters.
Asked = Callable[[Field, str], bool]
_RUNS, _WORDS = re.compile(r"[a-z0-9]{3,}"), re.compile(r" (?=.)")


@dataclass(frozen=True)
class Part:
    """A text that one of the columns of a field contains. It is folded; an empty one is contained in none.

    In the index a space follows each column, so that a text with a space at its end is found there.
    """

    field: Field
    text: str

    def condition(self) -> Condition:
        if not self.text:
            return false()
        return or_(*(column.contains(self.text, autoescape=True) for column in self.field.columns))

    def indexed(self, asked: Asked) -> Condition | None:
        """What PostgreSQL finds at least the same with, by its index of trigrams; None where that is everything."""
        found: list[str] = []
        for word in self.text.split(" "):
            runs = _RUNS.findall(word)
            kept = [run for run in runs if asked(self.field, run)]
            found += [word] if runs and kept == runs else kept
        if not found:
            return None
        each = (and_(*(column.contains(text, autoescape=True) for text in found)) for column in self.field.listed)
        return or_(*each)

    def trigrams(self, asked: Asked) -> str | None:
        """What FTS5 finds at least the same with; None where that is everything."""
        words = (_of_word(word, lambda piece: asked(self.field, piece)) for word in _WORDS.split(self.text))
        found = [word for word in words if word]
        return f"{{{self.field.indexed}}} : ({' AND '.join(found)})" if found else None

    def bigrams(self, asked: Asked, *, all_words: bool) -> Condition | None:
        """The same for the index of bigrams on PostgreSQL: for words of two letters, or for all."""
        words = [word for word in self.text.split(" ") if all_words or (len(word) == 2 and asked(self.field, word))]
        pairs = {word[at : at + 2] for word in words for at in range(len(word) - 1)}
        if not pairs or not self.field.bigrams:
            return None
        return literal_column(f"csctl_bigrams({search_index.bigram_text()})").op("@>")(cast(sorted(pairs), _TEXTS))


# Any of several, each of which is several parts that all have to match.
Alternatives = Sequence[Sequence[Part]]


def condition(alternatives: Alternatives) -> Condition:
    """What matches exactly."""
    return or_(false(), *(and_(*(part.condition() for part in parts)) for parts in alternatives))


def attempts(share: Callable[[Field, str], float] | None) -> Iterator[Asked]:
    """What the index is asked for: the first of these that is anything. `share` says how many customers have a piece.

    What half of them have finds little, and takes long, as two letters do that a twentieth has.
    """
    if share is not None:
        yield lambda field, piece: share(field, piece) <= (_COMMON_PAIR if len(piece) == 2 else _COMMON)
    yield lambda _field, piece: len(piece) > 2
    yield lambda _field, _piece: True


def match(criteria: Sequence[Alternatives], asked: Asked) -> str | None:
    """The FTS5 query whose matches include those of all criteria; None where it would match everything."""
    every = (_any_of(alternatives, lambda part: part.trigrams(asked)) for alternatives in criteria)
    either = (" OR ".join(f"({' AND '.join(parts)})" for parts in found) for found in every if found is not None)
    return " AND ".join(f"({one})" for one in either) or None


def indexed(alternatives: Alternatives, asked: Asked) -> Condition | None:
    """What includes the matches on PostgreSQL by its index of trigrams; None where that would be everything."""
    found = _any_of(alternatives, lambda part: part.indexed(asked))
    return None if found is None else or_(*(and_(*parts) for parts in found))


def bigrams(alternatives: Alternatives, asked: Asked, *, all_words: bool) -> Condition | None:
    """The same by its index of bigrams."""
    found = _any_of(alternatives, lambda part: part.bigrams(asked, all_words=all_words))
    return None if found is None else or_(*(and_(*parts) for parts in found))


def _any_of(alternatives: Alternatives, ask: Callable[[Part], _Question | None]) -> list[list[_Question]] | None:
    """What is asked for each alternative; None if one of them, or all, would find everything."""
    found = [[one for part in parts if (one := ask(part)) is not None] for parts in alternatives]
    return found if found and all(found) else None


def _of_word(word: str, asked: Callable[[str], bool]) -> str:
    """Trigrams that cover the word: more of them find little less, and take longer. Two letters begin one of a few."""
    if len(word) < 3:
        every = f"({' OR '.join(_quoted(word + following) for following in _FOLLOWING)})"
        return every if len(word) == 2 and asked(word) else ""
    last = len(word) - 3
    pieces = dict.fromkeys(word[at : at + 3] for at in (*range(0, last, 3), last))
    return " AND ".join(_quoted(piece) for piece in pieces if asked(piece))


def _quoted(trigram: str) -> str:
    return '"' + trigram.replace('"', '""') + '"'
