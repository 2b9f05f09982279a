"""Finding a person in texts that others wrote about them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from csctl.domain.addresses import Address
from csctl.domain.text import digits, fold

ERASED = "erased"  # what stands where something personal stood
_SHORTEST_WORD = 3  # a name of two letters would be found everywhere
_SHORTEST_NUMBER = 6


class Person(Protocol):
    """Somebody of whom details are known."""

    first_name: str | None
    last_name: str | None
    email: str | None
    phone: str | None
    ip: str | None
    billing: Address
    shipping: Address


@dataclass(frozen=True)
class Details:
    """What names a person: `words` as text compares them (`fold`), and `numbers` by their digits alone."""

    words: frozenset[str]
    numbers: frozenset[str]

    @classmethod
    def of(cls, people: Iterable[Person], texts: Iterable[str | None] = ()) -> Details:
        """Those of people; `texts` are further names, addresses and lines of addresses that were theirs."""
        people = list(people)
        said = (
            text
            for person in people
            for text in (
                person.first_name,
                person.last_name,
                person.email,
                person.ip,
                person.billing.line1,
                person.shipping.line1,
            )
        )
        words = {word for text in (*said, *texts) if len(word := fold(text)) >= _SHORTEST_WORD}
        # Without a country's or a trunk prefix, so that 030 1234567 is found for +49 30 1234567.
        numbers = {digits(person.phone)[-9:] for person in people if len(digits(person.phone)) >= _SHORTEST_NUMBER}
        return cls(frozenset(words), frozenset(numbers))

    def named_in(self, text: str | None) -> bool:
        """Whether a text holds any of the details, the words as whole words."""
        if not text:
            return False
        folded = fold(text)
        found = any(re.search(rf"(?<!\w){re.escape(word)}(?!\w)", folded) for word in self.words)
        return found or any(number in digits(text) for number in self.numbers)
