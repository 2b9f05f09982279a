"""When a failed refund is retried, and how often: the one policy of the refund queue."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta


@dataclass(frozen=True)
class RetryPolicy:
    """`attempts`: the number of business days on which a queued refund is retried, once each."""

    attempts: int = 3

    def is_exhausted(self, attempts: int) -> bool:
        """Whether an item with so many attempts has none left."""
        return attempts >= self.attempts

    def next_day(self, tried_on: date) -> date:
        """The first business day on which a refund that was tried on this day may be retried."""
        return tried_on + timedelta(days=1)

    def was_tried(self, last_attempt_on: date | None, today: date) -> bool:
        """Whether an attempt was made on this day. After a change of the shop's time zone it may be on a later day."""
        return last_attempt_on is not None and last_attempt_on >= today


POLICY = RetryPolicy()
