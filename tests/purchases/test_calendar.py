"""The calendar of purchases: pure rules."""

from __future__ import annotations

from datetime import date

import pytest

from csctl.domain.purchases import When, in_trial, next_billing, trial_end, when
from csctl.errors import Conflict, Usage

TODAY = date(2026, 3, 2)


def test_what_bills_on_the_31st_bills_on_the_last_day_of_shorter_months_and_returns() -> None:
    days, day = [], date(2026, 1, 31)
    for _ in range(4):
        day = next_billing("month", day, 31)
        days.append(day.isoformat())

    assert days == ["2026-02-28", "2026-03-31", "2026-04-30", "2026-05-31"]


def test_what_bills_yearly_on_a_leap_day_returns_to_it() -> None:
    days, day = [], date(2024, 2, 29)
    for _ in range(4):
        day = next_billing("year", day, 29)
        days.append(day.isoformat())

    assert days == ["2025-02-28", "2026-02-28", "2027-02-28", "2028-02-29"]


def test_a_trial_of_no_days_is_billed_on_the_day_it_starts() -> None:
    assert trial_end(TODAY, 0) == TODAY
    assert trial_end(TODAY, 14) == date(2026, 3, 16)


def test_a_trial_lasts_until_its_end_is_billed_or_past() -> None:
    assert in_trial(TODAY, 1, TODAY)
    assert not in_trial(date(2026, 3, 1), 1, TODAY)
    assert not in_trial(date(2026, 3, 9), 2, TODAY)
    assert not in_trial(None, 1, TODAY)


def test_a_moment_is_now_a_day_or_relative_to_the_next_billing() -> None:
    assert when("now", TODAY).now
    assert when("2026-03-05", TODAY) == When(on=date(2026, 3, 5))
    for wrong in ("2026-03-01", "yesterday", "next", ""):
        with pytest.raises(Usage):
            when(wrong, TODAY)


def test_before_the_next_billing_is_its_day_and_now_if_that_has_come() -> None:
    before_next = when("before-next", TODAY)

    assert before_next.for_one_billed("pur_1", date(2026, 3, 9), TODAY) == When(on=date(2026, 3, 9))
    assert before_next.for_one_billed("pur_1", TODAY, TODAY).now
    with pytest.raises(Conflict):
        before_next.for_one_billed("pur_1", None, TODAY)
