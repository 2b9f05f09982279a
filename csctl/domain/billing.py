"""The calendar of billings: which of the missed days is billed, and when a declined one is tried again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from csctl.domain import intervals


def newest_due(interval: str, due: date, today: date, billing_day: int | None) -> date:
    """Of the billing days since the one that was `due`, the newest that has come; `due` if it lies ahead.

    The cycles that were missed before it are passed over, and the next billing is counted from it.
    """
    step, anchor = intervals.parse(interval), billing_day or due.day
    while (later := step.after(due, anchor)) <= today:
        due = later
    return due


def retry_on(days: Sequence[int], declines: int, scheduled: date, today: date) -> date | None:
    """When a billing is tried again after so many soft declines, the last of them today; None once there were enough.

    `days` are counted from the first decline, and `scheduled` is the day for which this try was meant: if it came too
    late, the next one still keeps its distance.
    """
    if declines > len(days):
        return None
    if declines == 1:
        return today + timedelta(days=days[0])
    gap = timedelta(days=max(1, days[declines - 1] - days[declines - 2]))
    return scheduled + gap if scheduled + gap > today else today + gap
