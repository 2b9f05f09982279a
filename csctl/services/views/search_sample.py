"""A sample of the customers: how many of them have a text, before an index is asked for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from csctl.models import Customer
from csctl.services.views.search_texts import Alternatives, Field

_SIZE = 400
_GOLDEN = (5**0.5 - 1) / 2  # its multiples are spread evenly, and share no digits


@dataclass(frozen=True)
class Sample:
    """The texts of some of so many customers, by column."""

    customers: int
    texts: Sequence[dict[str, str]]

    def share(self, field: Field, piece: str) -> float:
        """How many have this piece where the index has the texts of the field: 0.5 is half of them."""
        names = [str(column) for column in field.listed]
        return sum(any(piece in row[name] for name in names) for row in self.texts) / len(self.texts)

    def matching(self, wanted: Sequence[Alternatives]) -> float:
        """How many match all of this."""
        found = (all(_matches(row, alternatives) for alternatives in wanted) for row in self.texts)
        return sum(found) / len(self.texts)


def of(session: Session, wanted: Sequence[Alternatives]) -> Sample | None:
    """Customers between the first and the last one, with the texts that are wanted; None where there are few."""
    last = session.scalar(select(func.max(Customer.id))) or 0
    if last < _SIZE:
        return None
    fields = {part.field for alternatives in wanted for parts in alternatives for part in parts}
    columns = {str(one): one for field in fields for one in (*field.columns, *field.listed)}
    numbers = [1 + int(place * _GOLDEN % 1 * last) for place in range(_SIZE)]
    found = session.execute(select(*columns.values()).where(Customer.id.in_(numbers))).all()
    rows = [dict(zip(columns, (f"{text or ''} " for text in row), strict=True)) for row in found]
    return Sample(last, rows) if len(rows) > _SIZE // 2 else None


def _matches(row: dict[str, str], alternatives: Alternatives) -> bool:
    return any(
        all(part.text and any(part.text in row[str(column)] for column in part.field.columns) for part in parts)
        for parts in alternatives
    )
