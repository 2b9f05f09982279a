"""What a process has to know of its database before it begins: the installation, the settings and the operator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import null, select, true
from sqlalchemy.orm import Session

from csctl.domain.operators import Actor
from csctl.domain.states import Direction
from csctl.models import Installation, Move, Operator, ShopSetting
from csctl.services.administration.operators import hash_of


@dataclass(frozen=True)
class Opened:
    """What was found. `operator` is None where no operator has the token."""

    rehearsal: bool
    retired_at: datetime | None
    settings: Mapping[str, str]
    operator: Actor | None


def read(session: Session, token: str | None, *, any_schema: bool) -> Opened:
    """Read them with one statement, which every command waits for. With `any_schema`, no table that is younger than
    the oldest schema.
    """
    # Columns, not whole records: `db upgrade` must find its operator on an older schema.
    of_operator = (
        *(Operator.id, Operator.name, Operator.role, Operator.last_used_at),
        *(Operator.disabled_at, Operator.token_expires_at),
    )
    moved = select(Move.at).where(Move.direction == Direction.OUT).scalar_subquery()
    everything = (
        select(
            *(Installation.rehearsal, null() if any_schema else moved, ShopSetting.name, ShopSetting.value),
            *of_operator,
        )
        .select_from(Installation)
        .outerjoin(ShopSetting, true())
        .outerjoin(Operator, Operator.token_hash == hash_of(token or ""))
    )
    rows = session.execute(everything).all()
    if not rows:
        return Opened(rehearsal=False, retired_at=None, settings={}, operator=None)
    rehearsal, retired_at, _, _, *operator = rows[0]
    settings = {name: value for _, _, name, value, *_ in rows if name is not None}
    return Opened(rehearsal, retired_at, settings, Actor(*operator) if operator[0] is not None else None)
