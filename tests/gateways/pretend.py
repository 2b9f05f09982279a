"""What the worlds of the pretend gateways share."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from datetime import UTC
from decimal import Decimal
from typing import Any, Protocol

from csctl.gateways import kinds, urls
from csctl.gateways.conformance import Card, HttpWorld, Sold, not_offered
from csctl.gateways.pace import Pace
from csctl.gateways.protocol import Gateway


class Books(Protocol):
    """What every pretend gateway offers."""

    def sell(self, amount: str, *, type: str = "sale", settled: bool = False) -> str: ...

    def settle(self) -> None: ...

    def refund_outside(self, reference: str, amount: str) -> str: ...

    def returned(self, reference: str | None = None) -> Decimal: ...


class PretendWorld(HttpWorld):
    """An account at a pretend gateway."""

    cards: Mapping[Card, str]
    books: Books
    makes: type[Any]  # of its ledger server

    def __init__(self) -> None:
        self.books = made = self.makes()
        super().__init__(made)

    @abstractmethod
    def url(self, *, right: bool) -> str:
        """How the account is written, without its base; with a wrong key where it is not `right`."""

    def open(self, *, right: bool) -> Gateway:
        url = urls.parse(f"{self.url(right=right)}?base={self.ledger.base}&timeout=1")
        return kinds.open_account(url, rehearsal=True, now=lambda: self.now, zone=UTC, pace=Pace())

    def token(self, card: Card) -> str:
        return self.cards[card] if card in self.cards else not_offered()

    def sell(self, amount: int, state: Sold) -> str:
        type = "auth" if state is Sold.AUTHORIZED else "sale"
        return self.books.sell(_decimals(amount), type=type, settled=state is Sold.SETTLED)

    def settle(self) -> None:
        self.books.settle()

    def returned(self, sale: str) -> int:
        return int(100 * self.books.returned(sale))

    def refund_outside(self, sale: str, amount: int) -> str:
        return self.books.refund_outside(sale, _decimals(amount))


def _decimals(amount: int) -> str:
    """1230 minor units as `12.30`."""
    return f"{amount // 100}.{amount % 100:02}"
