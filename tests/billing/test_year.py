"""A year of subscriptions: the right sales on the right days with the right totals, also when the run is killed."""

from __future__ import annotations

import random
from datetime import date, timedelta

from tests.billing.catalog import paid, subscribe
from tests.payments.dying import killed_at
from tests.selection import on_sqlite
from tests.shops import Shop

START, END = date(2028, 1, 31), date(2029, 1, 30)  # a leap year
_MONTHS = [date(2028, month, 1) for month in range(2, 13)]


def expected() -> list[tuple[str, str]]:
    """Every sale of the year, worked out by hand."""
    start = str(START)
    # What bills on the 31st bills on the last day of a shorter month, and returns to the 31st.
    last_days = [str(day - timedelta(days=1)) for day in (*_MONTHS[1:], date(2029, 1, 1))]
    sevenths = [str(day.replace(day=7)) for day in (*_MONTHS, date(2029, 1, 1))]
    sales = [(day, money) for day in (start, *last_days) for money in ("10.00 USD", "1980 JPY")]
    sales += [(str(START + timedelta(days=28 * n)), "1.500 KWD") for n in range(14)]
    sales += [(day, "30.00 USD") for day in (start, "2028-04-30", "2028-07-31", "2028-10-31")]
    sales += [(start, "1.00 EUR"), *((day, "20.00 EUR") for day in sevenths), (start, "99.00 USD")]
    return sorted(sales)


def open_shop(shop: Shop) -> None:
    at = f"{START}T09:00:00Z"
    subscribe(shop, at=at, amount="10.00", interval="month")
    subscribe(shop, at=at, amount="1980", currency="JPY", interval="month")
    subscribe(shop, at=at, amount="1.500", currency="KWD", interval="28 days")
    subscribe(shop, at=at, amount="30.00", interval="3 months")
    subscribe(shop, at=at, amount="20.00", currency="EUR", interval="month", trial_days=7, trial_amount="1.00")
    subscribe(shop, at=at, amount="99.00", interval="year")


def days_due() -> list[date]:
    return sorted({date.fromisoformat(day) for day, _ in expected()} - {START})


def days() -> list[date]:
    """Every day until spring, and after that those on which something is due and the days after."""
    until_spring = {START + timedelta(days=n) for n in range(40)}
    around = {day + timedelta(days=n) for day in days_due() for n in (0, 1)}
    return sorted(day for day in until_spring | around if day <= END)


def test_a_year_has_the_right_sales_on_the_right_days(shop: Shop, backend: str) -> None:
    shop("setting set timezone America/New_York")
    open_shop(shop)

    for day in days() if backend == "sqlite" else days_due():
        done = shop("billing run", as_="service", at=f"{day}T09:00:00Z")
        assert done.code == 0, done.err

    assert sorted(paid(shop)) == expected()
    assert len(shop("fulfillment list --all -o json").json) == len(expected())
    assert shop("db check").code == 0


@on_sqlite
def test_a_year_is_the_same_when_the_run_is_killed_on_random_days(shop: Shop) -> None:
    """Killed anywhere, and run again on the same day: a lease later. By a gateway that would charge twice."""
    shop.env["CSCTL_GATEWAY_MAIN"] += "?idempotency=off"
    dice, killed = random.Random(4), 0  # noqa: S311 - the same days every time
    open_shop(shop)
    unlucky = set(dice.sample(days_due(), 10))

    for day in days_due():
        if day in unlucky:
            killed += killed_at(shop, dice.randint(1, 7), "billing run --concurrency 2", at=f"{day}T09:00:00Z")
        again = shop("billing run", as_="service", at=f"{day}T09:06:00Z")
        assert again.code == 0, again.err

    assert killed >= 5
    assert sorted(paid(shop)) == expected()
    assert len(shop("fulfillment list --all -o json").json) == len(expected())
    assert shop("db check").code == 0
