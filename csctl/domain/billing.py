"""The calendar of billings: which of the missed days is billed, and when a declined billing is retried."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from csctl.domain import intervals


def newest_due(interval: str, due: date, today: date, billing_day: int | None) -> date:
    """The newest billing day since the one that was `due` that has come; `due` itself if it is in the future.

    Earlier missed cycles are skipped, and the next billing is counted from this day.
    """
    step, anchor = intervals.parse(interval), billing_day or due.day
    while (later := step.after(due, anchor)) <= today:
        due = later
    return due


def retry_on(days: Sequence[int], declines: int, scheduled: date, today: date) -> date | None:
    """When a billing is retried after so many soft declines, the last of them today; None after the last retry.

    `days` are counted from the first decline, and `scheduled` is the day for which this attempt was planned: after a
    late one, the next one still keeps its distance.
    """
    if declines > len(days):
        return None
    if declines == 1:
        return today + timedelta(days=days[0])
    gap = timedelta(days=max(1, days[declines - 1] - days[declines - 2]))
    return scheduled + gap if scheduled + gap > today else today + gap
