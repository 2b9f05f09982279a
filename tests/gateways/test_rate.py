"""A gateway account is called no faster than its URL says."""

from __future__ import annotations

import time

import pytest

from csctl.errors import Misconfigured
from csctl.gateways import pace
from tests.commands.many import make_sales
from tests.shops import Shop

one_database = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)


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


@pytest.mark.parametrize(
    ("url", "rest", "window"),
    [
        ("sandbox:a.db?rate=20/s", "sandbox:a.db", 1200),
        ("sandbox:a.db?rate=1/m&lookup=off", "sandbox:a.db?lookup=off", 1),
        ("sandbox:a.db?lookup=off&rate=90/h", "sandbox:a.db?lookup=off", 1),
        ("sandbox:a.db?lookup=off&rate=2%2Fs&latency_ms=5", "sandbox:a.db?lookup=off&latency_ms=5", 120),
    ],
)
def test_the_rate_is_taken_out_of_the_url(url: str, rest: str, window: int) -> None:
    found, keeps = pace.split(url)

    assert found == rest
    assert keeps
    assert keeps.window == window


@pytest.mark.parametrize("rate", ["", "0/s", "20", "-1/s", "1/d", "١/s"])
def test_other_rates_are_refused(rate: str) -> None:
    with pytest.raises(Misconfigured):
        pace.split(f"sandbox:a.db?rate={rate}")
