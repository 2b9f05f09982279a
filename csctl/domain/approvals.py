"""The state of a request for approval (domain rules, section 7)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from csctl.domain.states import ApprovalState

# A login of an agent can store a later time, after which Python counts no days.
_LATEST = datetime(9000, 1, 1, tzinfo=UTC)


def expires_at(created_at: datetime, days: int) -> datetime:
    """When a request without a decision expires."""
    return min(created_at, _LATEST) + timedelta(days=days)


def state_of(
    decided: ApprovalState | None, created_at: datetime, *, days: int, now: datetime, requester_disabled: bool
) -> ApprovalState:
    """The state of a request. A decision is final; a request of a disabled operator counts as denied."""
    if decided is not None:
        return decided
    if requester_disabled:
        return ApprovalState.DENIED
    return ApprovalState.EXPIRED if expires_at(created_at, days) <= now else ApprovalState.OPEN
