"""The outcomes of a change, as results and the audit log name them."""

from __future__ import annotations

from enum import StrEnum


class Outcome(StrEnum):
    """The outcome of a change of one record."""

    REFUNDED = "refunded"
    VOIDED = "voided"
    BILLED = "billed"
    QUEUED = "queued"
    DECLINED = "declined"
    FAILED = "failed"
    UNKNOWN = "unknown"
    PENDING = "pending"
    CANCELLED = "cancelled"
    CREATED = "created"
    UPDATED = "updated"
    SENT = "sent"
    REMOVED = "removed"
    RESOLVED = "resolved"
    REQUEUED = "requeued"
    RESHIPPED = "reshipped"
    EXHAUSTED = "exhausted"
    SKIPPED = "skipped"
    REFUSED = "refused"
    # These are of the audit log alone: a whole file or shop, and an import that was interrupted.
    IMPORTED = "imported"
    EXPORTED = "exported"
    STOPPED = "stopped"

    @property
    def moves_money(self) -> bool:
        """Whether records with this outcome are counted as transactions."""
        return self in (Outcome.REFUNDED, Outcome.VOIDED, Outcome.BILLED)
