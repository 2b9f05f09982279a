"""An account at a pretend Authorize.Net."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC

import pytest

from csctl.gateways import authorizenet, urls
from csctl.gateways.authorizenet.adapter import AuthorizeNet
from csctl.gateways.pace import Pace
from tests.gateways.ledgers.authorizenet import KEY, LOGIN, AuthorizeNetLedger
from tests.gateways.operations import NOW, Op, operations

Opener = Callable[..., AuthorizeNet]


@pytest.fixture
def ledger() -> Iterator[AuthorizeNetLedger]:
    with AuthorizeNetLedger() as made:
        made.now = NOW
        yield made


@pytest.fixture
def open_account(ledger: AuthorizeNetLedger) -> Iterator[Opener]:
    opened: list[AuthorizeNet] = []

    def open_one(key: str = KEY) -> AuthorizeNet:
        url = urls.parse(f"authorizenet:{LOGIN}:{key}?base={ledger.base}&timeout=2")
        account = authorizenet.open_account(url, rehearsal=True, now=lambda: ledger.time, zone=UTC, pace=Pace(1000))
        opened.append(account)
        return account

    yield open_one
    for account in opened:
        account.close()


@pytest.fixture
def account(open_account: Opener) -> AuthorizeNet:
    return open_account()


@pytest.fixture
def op(ledger: AuthorizeNetLedger) -> Op:
    return operations("10/1", lambda: ledger.time)
