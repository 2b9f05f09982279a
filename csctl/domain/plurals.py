"""Numbers with their nouns: `1 transaction`, `1,204 transactions`."""

from __future__ import annotations


def counted(number: int, noun: str) -> str:
    """The number with the noun, in the plural unless it is one."""
    return f"{number:,} {noun if number == 1 else plural(noun)}"


def plural(noun: str) -> str:
    """The plural of a regular noun."""
    if noun.endswith("ry"):
        return f"{noun[:-1]}ies"
    return f"{noun}es" if noun.endswith(("ch", "x", "s")) else f"{noun}s"
