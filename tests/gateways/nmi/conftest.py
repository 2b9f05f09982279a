"""An account at a pretend NMI."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest

from csctl.domain.states import Kind
from csctl.gateways import nmi, urls
from csctl.gateways.operations import Operation, Sale
from csctl.gateways.pace import Pace
from csctl.gateways.protocol import Gateway
from tests.gateways.ledgers.nmi import KEY, NmiLedger

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
Opener = Callable[..., Gateway]
Op = Callable[..., Operation]


@pytest.fixture
def ledger() -> Iterator[NmiLedger]:
    with NmiLedger() as made:
        made.now = NOW
        yield made


@pytest.fixture
def open_account(ledger: NmiLedger) -> Iterator[Opener]:
    opened: list[Gateway] = []

    def open_one(key: str = KEY) -> Gateway:
        url = urls.parse(f"nmi:{key}?base={ledger.base}&timeout=2")
        account = nmi.open_account(url, rehearsal=True, now=lambda: ledger.time, zone=UTC, pace=Pace(1000))
        opened.append(account)
        return account

    yield open_one
    for account in opened:
        account.close()


@pytest.fixture
def account(open_account: Opener) -> Gateway:
    return open_account()


@pytest.fixture
def op(ledger: NmiLedger) -> Op:
    """Make an operation: `op(Kind.REFUND, "8.00", sale="7000000001")`. Each has a key of its own."""
    made = 0

    def make(
        kind: Kind, amount: str = "20.00", *, sale: str | None = None, currency: str = "USD", **more: object
    ) -> Operation:
        nonlocal made
        made += 1
        minor = int(amount.replace(".", ""))
        of = Sale(sale, 2000, currency, NOW, last4="1111") if sale else None
        values = {"key": f"{made:032x}", "token": None if sale else "1001", "sent_at": ledger.time, **more}
        return Operation(kind, amount=minor, currency=currency, sale=of, **values)  # type: ignore[arg-type]

    return make
