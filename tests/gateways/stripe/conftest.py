"""An account at a pretend Stripe."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC

import pytest

from csctl.gateways import stripe, urls
from csctl.gateways.pace import Pace
from csctl.gateways.stripe.adapter import Stripe
from tests.gateways.ledgers.stripe import KEY, StripeLedger
from tests.gateways.operations import NOW, Op, operations

Opener = Callable[..., Stripe]


@pytest.fixture
def ledger() -> Iterator[StripeLedger]:
    with StripeLedger() as made:
        made.now = NOW
        yield made


@pytest.fixture
def open_account(ledger: StripeLedger) -> Iterator[Opener]:
    opened: list[Stripe] = []

    def open_one(key: str = KEY) -> Stripe:
        url = urls.parse(f"stripe:{key}?base={ledger.base}&timeout=2")
        account = stripe.open_account(url, rehearsal=True, now=lambda: ledger.time, zone=UTC, pace=Pace(1000))
        opened.append(account)
        return account

    yield open_one
    for account in opened:
        account.close()


@pytest.fixture
def account(open_account: Opener) -> Stripe:
    return open_account()


@pytest.fixture
def op(ledger: StripeLedger) -> Op:
    return operations("cus_1/pm_ok", lambda: ledger.time)
