"""What the author of a gateway gives to the cases: an account on which everything may be tried."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from enum import Enum, StrEnum
from types import TracebackType
from typing import Any, NoReturn, Self

import pytest

from csctl.domain.states import Kind
from csctl.gateways.conformance.server import Fault, LedgerServer, Request
from csctl.gateways.operations import Answer, DisputeState, Operation, Possible, Sale
from csctl.gateways.protocol import Gateway

MONDAY = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def not_offered() -> NoReturn:
    """Skip the case: the gateway does not have this."""
    pytest.skip("this gateway does not offer it")


class Card(StrEnum):
    """A payment method, by the outcome of a charge."""

    APPROVED = "approved"
    DECLINED = "declined"
    SOFT_DECLINED = "soft_declined"
    AUTHENTICATION = "authentication"  # the customer must confirm
    PARTIAL = "partial"  # part of the amount is approved
    UNKNOWN = "unknown"  # one of another account


class Sold(Enum):
    """The progress of a sale."""

    AUTHORIZED = "authorized"
    UNSETTLED = "unsettled"
    SETTLED = "settled"


class World(ABC):
    """An account at a gateway. One is made for each case. Amounts in minor units.

    `unknown` is a well-formed reference that the account does not know.
    """

    currency = "USD"
    unknown: str

    def __init__(self) -> None:
        self._moment = MONDAY
        self._made = 0
        self._opened: list[Gateway] = []

    @property
    def now(self) -> datetime:
        """The clock of csctl and of the gateway."""
        return self._moment

    @now.setter
    def now(self, moment: datetime) -> None:
        self._moment = moment

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close what the world has opened. Extend it for other resources."""
        for account in self._opened:
            account.close()

    @property
    def account(self) -> Gateway:
        """The adapter of the account, opened once."""
        if not self._opened:
            self.another()
        return self._opened[0]

    def another(self, *, right: bool = True) -> Gateway:
        """Another adapter object; with `right=False`, with credentials that the gateway refuses."""
        self._opened.append(self.open(right=right))
        return self._opened[-1]

    @property
    def voidable(self) -> Sold:
        """The progress at which a sale can be voided."""
        captured = self.account.capabilities.void_captured is not Possible.NO
        return Sold.UNSETTLED if captured else Sold.AUTHORIZED

    @abstractmethod
    def open(self, *, right: bool) -> Gateway:
        """A new adapter object. Its calls take no longer than two seconds."""

    @abstractmethod
    def token(self, card: Card) -> str:
        """The token of a payment method; `not_offered` where there is none."""

    @abstractmethod
    def sell(self, amount: int, state: Sold) -> str:
        """The reference of a sale that was not made by csctl. `not_offered` where sales have no such state."""

    @abstractmethod
    def lose_next(self, *, effect: bool) -> None:
        """Lose the answer to the next write. Called before `sell` or `token`."""

    # -- the books of the gateway

    @abstractmethod
    def charged(self) -> int:
        """The sum taken from customers: captured, and not voided."""

    @abstractmethod
    def returned(self, sale: str) -> int:
        """The sum returned of a sale, by csctl and by others."""

    @abstractmethod
    def is_voided(self, reference: str) -> bool: ...

    # -- changes by others at the gateway

    @abstractmethod
    def refund_outside(self, sale: str, amount: int) -> str:
        """Refund a sale on the gateway's own page. The refund's reference."""

    def void_outside(self, sale: str) -> None:
        """Void a sale on the gateway's own page."""
        not_offered()

    def bring_back(self, refund: str) -> None:
        """Let a bank return an approved refund."""
        not_offered()

    def pend_refunds(self) -> None:
        """Let the next refund be accepted, with its outcome later. Called before `sell`."""
        not_offered()

    def dispute(self, sale: str, state: DisputeState) -> None:
        """Let a sale be disputed."""
        not_offered()

    @abstractmethod
    def settle(self) -> None:
        """Settle the transactions that wait for it."""

    # -- operations of csctl

    def op(
        self,
        kind: Kind,
        amount: int = 2000,
        *,
        sale: str | None = None,
        card: Card = Card.APPROVED,
        sold: int = 2000,
        **more: Any,
    ) -> Operation:
        """An operation with its own key: of a `sale` that was for `sold`, or a charge of a `card`."""
        self._made += 1
        # they differ in their first characters, as random keys do
        key = f"{self._made:04x}{'c5c71ab0' * 4}"[:32]
        of = Sale(sale, sold, self.currency, self.now, last4="1111") if sale is not None else None
        token = self.token(card) if sale is None else None
        return replace(Operation(kind, key, amount, self.currency, self.now, sale=of, token=token), **more)

    def write(self, op: Operation) -> Answer:
        """Send an operation."""
        account = self.account
        writes = {Kind.VOID: account.void, Kind.REFUND: account.refund, Kind.CAPTURE: account.capture}
        return writes.get(op.kind, account.charge)(op)


class HttpWorld(World):
    """An account at a ledger server. `open` gets the server's `base`.

    `secrets` may be in headers and bodies alone. `approval` is the body of an approved refund that is not the requested
    one. `strange` are answers that contradict themselves, or have undocumented codes: by name, with `effect=False`.
    """

    ledger: LedgerServer
    secrets: tuple[str, ...]
    approval: bytes
    strange: Mapping[str, Fault]

    def __init__(self, ledger: LedgerServer) -> None:
        self.ledger = ledger
        super().__init__()
        self.now = MONDAY

    @property
    def now(self) -> datetime:
        return self.ledger.time

    @now.setter
    def now(self, moment: datetime) -> None:
        self.ledger.now = moment

    def close(self) -> None:
        super().close()
        self.ledger.close()

    def lose_next(self, *, effect: bool) -> None:
        self.ledger.fail_next(Fault(effect=effect, cut=0))

    @abstractmethod
    def key_of(self, request: Request) -> str | None:
        """The key of an attempt, or as much of it as is sent."""

    @abstractmethod
    def refusal(self, text: str) -> Fault:
        """An answer that declines a charge in these words."""
