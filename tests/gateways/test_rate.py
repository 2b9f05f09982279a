"""A gateway account is called no faster than its URL says."""

from __future__ import annotations

import time

import pytest

from csctl.errors import Misconfigured
from csctl.gateways import pace
from tests.commands.many import make_sales
from tests.selection import one_database
from tests.shops import Shop


@one_database
def test_calls_side_by_side_keep_to_the_rate_of_their_account(shop: Shop) -> None:
    sales = make_sales(shop, 10)
    shop.adopt()
    begun = time.monotonic()
    done = shop(
        f"txn refund {' '.join(sales)} --yes --concurrency 8",
        env={"CSCTL_GATEWAY_MAIN": f"sandbox:{shop.sandbox}?rate=5/s&idempotency=off"},
    )

    assert done.code == 0
    assert time.monotonic() - begun >= 9 / 5


@one_database
def test_a_rate_that_cannot_be_read_is_a_wrong_configuration(shop: Shop) -> None:
    (sale,) = make_sales(shop, 1)
    wrong = {"CSCTL_GATEWAY_MAIN": f"sandbox:{shop.sandbox}?rate=fast"}

    assert shop(f"txn refund {sale} --yes", env=wrong).code == 11
    assert shop("doctor", env=wrong).code == 11


@pytest.mark.parametrize(("rate", "window"), [("20/s", 1200), ("1/m", 1), ("90/h", 1), ("2/s", 120), (None, 1_000_000)])
def test_as_many_calls_begin_together_as_have_their_turn_within_a_minute(rate: str | None, window: int) -> None:
    assert pace.read(rate).window == window


@pytest.mark.parametrize("rate", ["", "0/s", "20", "-1/s", "1/d", "١/s"])
def test_other_rates_are_refused(rate: str) -> None:
    with pytest.raises(Misconfigured):
        pace.read(rate)


def test_a_turn_that_would_come_too_late_is_not_waited_for() -> None:
    slow = pace.read("1/h")
    slow.wait()

    with pytest.raises(pace.TurnTooLate):
        slow.wait()


def test_a_busy_gateway_is_left_alone_for_as_long_as_it_says() -> None:
    kept = pace.read("100/s")
    kept.busy(0.1)
    begun = time.monotonic()

    for _ in range(3):
        kept.wait()

    assert 0.1 + 2 * 0.02 <= time.monotonic() - begun < 5  # half the pace afterwards


def test_a_busy_gateway_is_waited_for_with_a_notice_and_no_longer_than_a_call_may_take(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waiting, said, slept = pace.read("20/s", longest=10), list[str](), list[float]()
    monkeypatch.setattr(time, "sleep", slept.append)
    waiting.notice = said.append
    waiting.busy(7.2)
    waiting.wait()
    waiting.busy(3600)

    with pytest.raises(pace.TurnTooLate, match="asks to wait for 3600 s"):
        waiting.wait()

    assert [round(seconds) for seconds in slept] == [7]
    assert said == ["asks to wait for 7 s."]
