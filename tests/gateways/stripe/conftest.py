"""An account at a pretend Stripe."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from csctl.gateways import stripe
from csctl.gateways.stripe.adapter import Stripe
from tests.gateways.accounts import accounts
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
    with accounts(stripe.open_account, "stripe:{key}", KEY, ledger) as opener:
        yield opener


@pytest.fixture
def account(open_account: Opener) -> Stripe:
    return open_account()


@pytest.fixture
def op(ledger: StripeLedger) -> Op:
    return operations("cus_1/pm_ok", lambda: ledger.time)
