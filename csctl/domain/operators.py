"""The operator of a process."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from csctl.domain.states import Role


@dataclass(frozen=True)
class Actor:
    """Who runs csctl, with what decides about their rights."""

    id: int
    name: str
    role: Role
    last_used_at: datetime | None = None
    disabled_at: datetime | None = None
    token_expires_at: datetime | None = None
