"""An account at a pretend NMI."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from csctl.gateways import nmi
from csctl.gateways.nmi.adapter import Nmi
from tests.gateways.accounts import accounts
from tests.gateways.ledgers.nmi import KEY, NmiLedger
from tests.gateways.operations import NOW, Op, operations

Opener = Callable[..., Nmi]


@pytest.fixture
def ledger() -> Iterator[NmiLedger]:
    with NmiLedger() as made:
        made.now = NOW
        yield made


@pytest.fixture
def open_account(ledger: NmiLedger) -> Iterator[Opener]:
    with accounts(nmi.open_account, "nmi:{key}", KEY, ledger) as opener:
        yield opener


@pytest.fixture
def account(open_account: Opener) -> Nmi:
    return open_account()


@pytest.fixture
def op(ledger: NmiLedger) -> Op:
    return operations("1001", lambda: ledger.time)
