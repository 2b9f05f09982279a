"""Rows that are added and not read again in their transaction: the audit log, histories, the outbox."""

from __future__ import annotations

from typing import Any, TypeVar

from sqlalchemy.orm import Session

from csctl.database import Changes
from csctl.models.columns import Base

_Model = TypeVar("_Model", bound=Base)


def put(session: Session, model: type[_Model], **values: Any) -> _Model | None:
    """Add a row. Returns it, unless it waits: it has no id before the transaction's end."""
    if isinstance(session, Changes) and session.waiting is not None:
        session.waiting.setdefault(model, []).append(values)
        return None
    row = model(**values)
    session.add(row)
    return row
