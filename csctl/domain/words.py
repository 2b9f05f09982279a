"""A word in the database that csctl does not know, in a column of states or kinds."""

from __future__ import annotations

from typing import Any, NoReturn

from csctl.errors import Damaged


class UnknownWord(str):
    """An unknown word, shown as it is. Code that decides by it raises Damaged, so that only its own
    record is refused.
    """

    __slots__ = ()

    @property
    def value(self) -> str:
        return str(self)

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("_"):
            raise AttributeError(name)
        raise Damaged(f"the database holds {str(self)[:40]!r}, which csctl does not know", fix="csctl db check")


def known(value: Any, words: type[Any]) -> Any:
    """The member of an enum, or an UnknownWord."""
    try:
        return words(value)
    except ValueError:
        return UnknownWord(value)
