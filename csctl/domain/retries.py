"""When a failed refund is tried again, and how often: the one policy of the refund queue."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta


@dataclass(frozen=True)
class RetryPolicy:
    """`attempts`: on so many business days a queued refund is tried, once each."""

    attempts: int = 3

    def is_exhausted(self, attempts: int) -> bool:
        """Whether so many attempts were all that an item has."""
        return attempts >= self.attempts

    def next_day(self, tried_on: date) -> date:
        """The first business day on which a refund that was tried on this one may be tried again."""
        return tried_on + timedelta(days=1)

    def was_tried(self, last_attempt_on: date | None, today: date) -> bool:
        """Whether this day's slot is taken. After a change of the shop's time zone a later day's may be, too."""
        return last_attempt_on is not None and last_attempt_on >= today


POLICY = RetryPolicy()
