"""Billing intervals."""

from __future__ import annotations

from datetime import date

import pytest

from csctl.domain.intervals import billing_day, parse
from csctl.errors import Usage


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("month", "month"),
        ("1 month", "month"),
        ("Monthly", "month"),
        ("14 days", "14 days"),
        ("14 day", "14 days"),
        (" 2  WEEKS ", "2 weeks"),
        ("every 3 months", "3 months"),
        ("quarterly", "3 months"),
        ("2 quarters", "6 months"),
        ("year", "year"),
        ("30days", "30 days"),
    ],
)
def test_an_interval_has_one_way_to_be_written(text: str, kept: str) -> None:
    assert str(parse(text)) == kept
    assert str(parse(kept)) == kept


@pytest.mark.parametrize(
    "text", ["", "0 days", "-1 month", "fortnight", "1.5 months", "month month", "9999 years", "٣ days"]
)
def test_an_invalid_interval_is_refused(text: str) -> None:
    with pytest.raises(Usage, match="is not an interval"):
        parse(text)


def test_what_bills_on_the_31st_bills_on_the_last_day_of_shorter_months_and_returns_to_it() -> None:
    day, days = date(2027, 12, 31), []
    for _ in range(5):
        day = parse("month").after(day, 31)
        days.append(day)

    assert days == [date(2028, 1, 31), date(2028, 2, 29), date(2028, 3, 31), date(2028, 4, 30), date(2028, 5, 31)]


@pytest.mark.parametrize(
    ("interval", "start", "after"),
    [
        ("day", date(2026, 2, 28), date(2026, 3, 1)),
        ("2 weeks", date(2026, 3, 28), date(2026, 4, 11)),
        ("year", date(2028, 2, 29), date(2029, 2, 28)),
        ("13 months", date(2026, 12, 5), date(2028, 1, 5)),
    ],
)
def test_the_day_after_an_interval(interval: str, start: date, after: date) -> None:
    assert parse(interval).after(start) == after


@pytest.mark.parametrize("interval", ["day", "month", "100 years"])
def test_where_the_calendar_ends_it_says_so(interval: str) -> None:
    with pytest.raises(Usage, match="too far away"):
        parse(interval).after(date(9999, 12, 31))


@pytest.mark.parametrize(
    ("next_bill_on", "began_on", "day"),
    [
        (date(2026, 2, 28), date(2026, 1, 31), 31),
        (date(2026, 4, 30), date(2026, 1, 31), 31),
        (date(2026, 3, 15), date(2026, 1, 31), 15),
        (date(2026, 2, 28), date(2026, 1, 5), 28),
    ],
)
def test_the_last_day_of_a_short_month_may_stand_for_a_later_one(next_bill_on: date, began_on: date, day: int) -> None:
    assert billing_day(next_bill_on, began_on) == day
