"""Find a person in texts that others wrote about them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from csctl.domain.text import digits, fold

ERASED = "erased"  # replaces a personal text
_SHORTEST_WORD = 3  # a name of two letters would be found everywhere
_SHORTEST_NUMBER = 6


@dataclass(frozen=True)
class Details:
    """The details that identify people: `words` as search compares text (`fold`), and `numbers` by
    their digits alone.
    """

    words: frozenset[str]
    numbers: frozenset[str]

    @classmethod
    def of(cls, texts: Iterable[str | None], numbers: Iterable[str | None] = ()) -> Details:
        """The details in names, addresses and other texts, and in phone numbers."""
        words = {word for text in texts if len(word := fold(text)) >= _SHORTEST_WORD}
        # Without a country's or a trunk prefix, so that 030 1234567 is found for +49 30 1234567.
        ends = {digits(number)[-9:] for number in numbers if len(digits(number)) >= _SHORTEST_NUMBER}
        return cls(frozenset(words), frozenset(ends))

    def named_in(self, text: str | None) -> bool:
        """Whether a text holds any of the details, the words as whole words."""
        if not text:
            return False
        folded = fold(text)
        found = any(re.search(rf"(?<!\w){re.escape(word)}(?!\w)", folded) for word in self.words)
        return found or any(number in digits(text) for number in self.numbers)
