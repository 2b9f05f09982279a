"""Times, days, and the two days a year on which they do not go together well."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from freezegun import freeze_time

from csctl.clock import Clock, parse_date, parse_time, rfc3339
from csctl.errors import Usage
from tests.selection import on_sqlite
from tests.shops import Shop

BERLIN = ZoneInfo("Europe/Berlin")
NEW_YORK = ZoneInfo("America/New_York")


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type,misc]  # year to second


def test_a_business_day_is_a_calendar_day_of_the_shop() -> None:
    assert Clock(NEW_YORK).day_of(utc(2026, 3, 3, 4, 59)) == date(2026, 3, 2)
    assert Clock(NEW_YORK).day_of(utc(2026, 3, 3, 5, 0)) == date(2026, 3, 3)


def test_now_is_the_time_that_was_set_or_that_of_the_machine() -> None:
    with freeze_time("2026-03-02T09:00:00Z"):
        assert Clock().now() == utc(2026, 3, 2, 9)
        assert Clock(fixed=utc(2030, 1, 1)).now() == utc(2030, 1, 1)
        assert Clock(ZoneInfo("Pacific/Auckland")).today() == date(2026, 3, 2)


@pytest.mark.parametrize(
    ("day", "starts", "hours"),
    [
        (date(2026, 3, 28), utc(2026, 3, 27, 23), 24),
        (date(2026, 3, 29), utc(2026, 3, 28, 23), 23),
        (date(2026, 3, 30), utc(2026, 3, 29, 22), 24),
        (date(2026, 10, 25), utc(2026, 10, 24, 22), 25),
    ],
)
def test_days_are_shorter_and_longer_when_the_clocks_change(day: date, starts: datetime, hours: int) -> None:
    clock = Clock(BERLIN)

    assert clock.start_of(day) == starts
    assert clock.start_of(day + timedelta(days=1)) - starts == timedelta(hours=hours)
    assert clock.day_of(starts) == day
    assert clock.day_of(starts - timedelta(seconds=1)) == day - timedelta(days=1)


@pytest.mark.parametrize(
    ("zone", "day"),
    [("America/Havana", date(2026, 3, 8)), ("Africa/Cairo", date(2026, 4, 24)), ("Asia/Beirut", date(2026, 3, 29))],
)
def test_a_day_whose_midnight_is_skipped_begins_at_its_first_moment(zone: str, day: date) -> None:
    clock = Clock(ZoneInfo(zone))
    start = clock.start_of(day)

    assert clock.day_of(start) == day
    assert clock.day_of(start - timedelta(seconds=1)) == day - timedelta(days=1)


def test_a_midnight_that_comes_twice_begins_its_day_the_first_time() -> None:
    clock = Clock(ZoneInfo("America/Havana"))  # on 1 November 2026 one o'clock is midnight again
    start = clock.start_of(date(2026, 11, 1))

    assert start == utc(2026, 11, 1, 4)


@pytest.mark.parametrize(
    ("text", "zone", "moment"),
    [
        ("2026-03-01T09:00:00Z", UTC, utc(2026, 3, 1, 9)),
        ("2026-03-01T09:00:00+02:00", UTC, utc(2026, 3, 1, 7)),
        ("2026-03-01 09:00", BERLIN, utc(2026, 3, 1, 8)),
        ("2026-07-01", BERLIN, utc(2026, 6, 30, 22)),
        (" 2026-03-01T09:00:00.250Z ", UTC, utc(2026, 3, 1, 9) + timedelta(milliseconds=250)),
    ],
)
def test_a_time_without_an_offset_is_one_of_the_zone(text: str, zone: ZoneInfo, moment: datetime) -> None:
    assert parse_time(text, zone) == moment


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2026-02-30", "2026-13-01T00:00:00Z", "1772355600", "0001-01-01T00:00+14:00"]
)
def test_an_invalid_time_is_a_usage_error(text: str) -> None:
    with pytest.raises(Usage):
        parse_time(text)


@pytest.mark.parametrize("text", ["", "2026-02-29", "1 March", "2026-03-01T09:00:00Z"])
def test_an_invalid_day_is_a_usage_error(text: str) -> None:
    with pytest.raises(Usage):
        parse_date(text)


def test_times_are_shown_in_utc_to_the_second() -> None:
    east = timezone(timedelta(hours=9))

    assert rfc3339(datetime(2026, 3, 1, 8, 30, 15, 999_999, east)) == "2026-02-28T23:30:15Z"


@on_sqlite
def test_the_clock_is_set_on_a_rehearsal_database_alone(shop: Shop) -> None:
    shop.sql("UPDATE installation SET rehearsal = :no", no=False)

    done = shop("whoami")

    assert done.code == 11
    assert "CSCTL_NOW is set, and this database is not a rehearsal" in done.err
