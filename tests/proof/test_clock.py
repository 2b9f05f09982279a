"""Cron that starts early, late, twice or not at all, around a change of the clocks: one retry a business day."""

from __future__ import annotations

import random
from collections import Counter
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.factories import make_sale
from tests.selection import on_sqlite
from tests.shops import Shop

pytestmark = on_sqlite

# The day on which the clocks change: by an hour, or by half of one.
CHANGES = [
    ("America/New_York", date(2026, 3, 8)),
    ("America/New_York", date(2026, 11, 1)),
    ("Europe/Berlin", date(2026, 3, 29)),
    ("Australia/Lord_Howe", date(2026, 4, 5)),
    ("Australia/Lord_Howe", date(2026, 10, 4)),
]


def utc(moment: datetime) -> str:
    return moment.astimezone(ZoneInfo("UTC")).isoformat().replace("+00:00", "Z")


def attempts(shop: Shop, zone: ZoneInfo) -> Counter[date]:
    """The attempts of the queue at the gateway, by the shop's business day."""
    rows = [row for row in shop.ledger() if row["kind"] == "refund"][1:]  # the first is not a retry
    return Counter(datetime.fromisoformat(row["at"]).astimezone(zone).date() for row in rows)


@pytest.mark.parametrize(("name", "change"), CHANGES)
def test_three_days_are_three_attempts_wherever_the_clocks_change(shop: Shop, name: str, change: date) -> None:
    """Cron starts up to three hours early or late, and twice a day; on the second day it does not start at all."""
    zone, chance = ZoneInfo(name), random.Random(f"{name} {change}")  # noqa: S311 - the same times in each run
    assert shop(f"setting set timezone {name}").code == 0
    first = change - timedelta(days=1)
    shop.now = utc(datetime(first.year, first.month, first.day, 12, tzinfo=zone) - timedelta(days=1))
    shop(f"txn refund {make_sale(shop, token='tok_refund_declined')} --yes")
    for number in (0, 2, 3, 4):
        day = first + timedelta(days=number)
        for hour in (0, 3, 12, 23):
            moment = datetime(day.year, day.month, day.day, hour, chance.randrange(60), tzinfo=zone)
            assert shop("queue retry", at=utc(moment)).code == 0

    days = [first, first + timedelta(days=2), first + timedelta(days=3)]
    assert attempts(shop, zone) == Counter(days)
    assert [row["state"] for row in shop("queue list --state any -o json").json] == ["exhausted"]


@pytest.mark.parametrize("back", [timedelta(hours=1), timedelta(days=1)], ids=["an hour", "a day"])
def test_a_clock_that_is_set_back_repeats_no_attempt(shop: Shop, back: timedelta) -> None:
    zone, tuesday = ZoneInfo("UTC"), datetime(2026, 3, 3, 0, 30, tzinfo=ZoneInfo("UTC"))
    shop(f"txn refund {make_sale(shop, token='tok_refund_declined')} --yes")
    shop("queue retry", at=utc(tuesday))

    shop("queue retry", at=utc(tuesday - back))
    shop("queue retry", at=utc(tuesday + timedelta(hours=2)))

    assert attempts(shop, zone) == Counter([tuesday.date()])
    assert [row["attempts"] for row in shop("queue list -o json").json] == [1]
