"""The names of operators, for records that show who made them."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from csctl.models import Operator


def names(session: Session) -> dict[int, str]:
    """The name of every operator, by id."""
    return dict(session.execute(select(Operator.id, Operator.name)).all())
