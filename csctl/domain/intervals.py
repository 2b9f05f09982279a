"""Billing intervals (`month`, `14 days`, `2 weeks`, `year`), and the day of the next billing."""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import date, timedelta

from csctl.errors import Usage

_SHAPE = re.compile(r"(?:every\s+)?(?:(\d{1,4})\s*)?(day|week|month|quarter|year)s?", re.ASCII | re.IGNORECASE)
_ADVERBS = {"daily": "day", "weekly": "week", "monthly": "month", "quarterly": "quarter", "yearly": "year"}
_IN_DAYS = {"day": 1, "week": 7}
_IN_MONTHS = {"month": 1, "quarter": 3, "year": 12}
_LONGEST = 100 * 12  # months; a larger number is a typing error


@dataclass(frozen=True)
class Interval:
    """A number of units: day, week, month or year."""

    number: int
    unit: str

    def __str__(self) -> str:
        """The text that is stored and shown: `month`, `14 days`."""
        return self.unit if self.number == 1 else f"{self.number} {self.unit}s"

    @property
    def monthly(self) -> bool:
        """Whether it counts in months, so that the day of the month stays the same."""
        return self.unit in _IN_MONTHS

    def after(self, day: date, billing_day: int | None = None) -> date:
        """The day one interval later.

        `billing_day` is the day of the month for billings: a purchase that bills on the 31st bills on the last day of a
        shorter month, and then on the 31st again. Raises Usage at the end of the calendar.
        """
        try:
            if not self.monthly:
                return day + timedelta(days=self.number * _IN_DAYS[self.unit])
            month = day.year * 12 + day.month - 1 + self.number * _IN_MONTHS[self.unit]
            return on_day(month // 12, month % 12 + 1, billing_day or day.day)
        except (OverflowError, ValueError, IndexError):
            raise Usage(f"{self} after {day} is too far away") from None


def parse(text: str) -> Interval:
    """Parse an interval. Raises Usage for an invalid one."""
    word = " ".join(text.split()).lower()
    match = _SHAPE.fullmatch(_ADVERBS.get(word, word))
    number, unit = (int(match[1] or 1), match[2].lower()) if match else (0, "")
    if unit == "quarter":
        number, unit = number * 3, "month"
    if not number or number * (_IN_MONTHS.get(unit) or _IN_DAYS[unit] / 28) > _LONGEST:
        raise Usage(f"{text[:40]!r} is not an interval", fix="write it like month, 14 days, 2 weeks or year")
    return Interval(number, unit)


def on_day(year: int, month: int, day: int) -> date:
    """This day of a month, or its last day if the month is shorter."""
    return date(year, month, min(day, calendar.monthrange(year, month)[1]))


def billing_day(next_bill_on: date, began_on: date) -> int:
    """The day of the month on which a subscription bills, from its next billing and the day it began.

    A billing on the last day of a short month may belong to a later day of the month: that of the beginning.
    """
    last = calendar.monthrange(next_bill_on.year, next_bill_on.month)[1]
    return max(next_bill_on.day, began_on.day) if next_bill_on.day == last else next_bill_on.day
