"""The names of operators, for records that show who made them."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from csctl.models import Operator

_KEY = "operator_names"


def names(session: Session) -> dict[int, str]:
    """The name of every operator, by id. A session reads them once."""
    if _KEY not in session.info:
        session.info[_KEY] = dict(session.execute(select(Operator.id, Operator.name)).all())
    known: dict[int, str] = session.info[_KEY]
    return known
