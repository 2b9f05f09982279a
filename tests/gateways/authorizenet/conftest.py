"""An account at a pretend Authorize.Net."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from csctl.gateways import authorizenet
from csctl.gateways.authorizenet.adapter import AuthorizeNet
from tests.gateways.accounts import accounts
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
    with accounts(authorizenet.open_account, f"authorizenet:{LOGIN}:{{key}}", KEY, ledger) as opener:
        yield opener


@pytest.fixture
def account(open_account: Opener) -> AuthorizeNet:
    return open_account()


@pytest.fixture
def op(ledger: AuthorizeNetLedger) -> Op:
    return operations("10/1", lambda: ledger.time)
