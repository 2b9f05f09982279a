"""Similar words, for errors about words that csctl does not know."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def similar(word: str, known: Iterable[str]) -> list[str]:
    """Up to three known words that are like this one, the most similar first."""
    import difflib  # for errors alone

    return difflib.get_close_matches(word.lower(), list(known), n=3, cutoff=0.6)


def question(meant: Sequence[str]) -> str:
    """`Did you mean …?`, to append to a sentence; empty if there is nothing to suggest."""
    return f" Did you mean {' or '.join(meant)}?" if meant else ""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The question with the known words that are like this one."""
    return question(similar(word, known))
