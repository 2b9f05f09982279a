"""An account at a pretend NMI."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC

import pytest

from csctl.gateways import nmi, urls
from csctl.gateways.nmi.adapter import Nmi
from csctl.gateways.pace import Pace
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
    opened: list[Nmi] = []

    def open_one(key: str = KEY) -> Nmi:
        url = urls.parse(f"nmi:{key}?base={ledger.base}&timeout=2")
        account = nmi.open_account(url, rehearsal=True, now=lambda: ledger.time, zone=UTC, pace=Pace(1000))
        opened.append(account)
        return account

    yield open_one
    for account in opened:
        account.close()


@pytest.fixture
def account(open_account: Opener) -> Nmi:
    return open_account()


@pytest.fixture
def op(ledger: NmiLedger) -> Op:
    return operations("1001", lambda: ledger.time)
