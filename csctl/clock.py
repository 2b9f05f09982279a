"""The time, and the day of the shop.

Times are aware datetimes in UTC. A business day is a calendar day in the shop's time zone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from csctl.errors import Usage

_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
_AGE = re.compile(r"(?P<count>\d{1,5})(?P<unit>[mhdw])", re.ASCII)


@dataclass(frozen=True)
class Clock:
    """The time, or on a rehearsal database the time that CSCTL_NOW sets (`fixed`)."""

    zone: ZoneInfo = ZoneInfo("UTC")
    fixed: datetime | None = None

    def now(self) -> datetime:
        return self.fixed or datetime.now(UTC)

    def today(self) -> date:
        """The shop's business day."""
        return self.day_of(self.now())

    def day_of(self, moment: datetime) -> date:
        return moment.astimezone(self.zone).date()

    def start_of(self, day: date) -> datetime:
        """The first moment of a business day, in UTC. Where a change of clocks skips midnight, the day starts later."""
        midnight = datetime(day.year, day.month, day.day, tzinfo=self.zone)
        moment = midnight.astimezone(UTC)
        while self.day_of(moment) < day:
            moment += timedelta(minutes=30)
        return moment


def parse_time(text: str, zone: tzinfo = UTC) -> datetime:
    """A time in UTC from RFC 3339, a date, or a date and time; without an offset it is in `zone`.

    Raises Usage for anything else.
    """
    try:
        moment = datetime.fromisoformat(text.strip())
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Usage(f"{text!r} is not a time", fix="write it like 2026-03-01T09:00:00Z or 2026-03-01") from None


def parse_date(text: str) -> date:
    """A calendar day such as 2026-03-01. Raises Usage for anything else."""
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise Usage(f"{text!r} is not a date", fix="write it like 2026-03-01") from None


def is_age(text: str) -> bool:
    """Whether this is written like an age: `3d`."""
    return _AGE.fullmatch(text.strip()) is not None


def parse_age(text: str) -> timedelta:
    """A length of time such as `90m`, `36h`, `3d` or `2w`. Raises Usage for anything else."""
    match = _AGE.fullmatch(text.strip())
    if match is None:
        raise Usage(f"{text[:40]!r} is not a length of time", fix="write it like 90m, 36h, 3d or 2w")
    return int(match["count"]) * _UNITS[match["unit"]]


def rfc3339(moment: datetime) -> str:
    """A time as JSON and CSV show it: UTC, to the second, ending in Z."""
    return moment.astimezone(UTC).isoformat(timespec="seconds")[:19] + "Z"
