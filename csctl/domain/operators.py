"""The operator on whose behalf a process runs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from csctl.domain.states import Role


@dataclass(frozen=True)
class Actor:
    """Who runs csctl, with what decides whether they may."""

    id: int
    name: str
    role: Role
    last_used_at: datetime | None = None
    disabled_at: datetime | None = None
    token_expires_at: datetime | None = None
