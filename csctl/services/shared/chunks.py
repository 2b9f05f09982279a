"""Long lists of ids in statements: a database takes only so many values at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")


def chunks(values: Sequence[T], size: int = 500) -> Iterator[Sequence[T]]:
    """The values in their order, at most `size` at once."""
    return (values[start : start + size] for start in range(0, len(values), size))
