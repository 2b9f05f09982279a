"""The external ids that an export gives to records that have none."""

from __future__ import annotations

import re

from sqlalchemy import select
from sqlalchemy.orm import Session

from csctl.domain import ids
from csctl.domain.states import Direction
from csctl.models import Installation, Move


def mark_of(session: Session) -> str:
    """What tells this shop from others, in the ids of exported records that have no external id. It moves along."""
    moved = session.scalar(select(Move.mark).where(Move.direction == Direction.IN))
    return moved or f"@{session.get_one(Installation, 1).created_at:%Y%m%d%H%M%S%f}"


def exported_id(external_id: str | None, prefix: str, number: int | None, mark: str) -> str | None:
    """The external id of a record; of one that has none, its own id with the mark of this database."""
    return external_id or (None if number is None else f"{ids.show(prefix, number)}{mark}")


def is_exported(name: str) -> bool:
    """Whether an export of any shop gave this id to a record that had none."""
    return re.fullmatch(r"[a-z]+_[0-9]+@[0-9]{20}", name, re.ASCII) is not None


def own_number(name: str, prefix: str, mark: str) -> int | None:
    """The id of the record of this database that an exported id names."""
    if not name.endswith(mark):
        return None
    match = re.fullmatch(rf"{prefix}_([0-9]{{1,18}})", name.removesuffix(mark), re.ASCII)
    return int(match[1]) if match else None
