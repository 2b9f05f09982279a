"""The cases of all gateways, at the sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, timedelta
from pathlib import Path

import pytest

from csctl.domain.states import Kind
from csctl.gateways import sandbox, urls
from csctl.gateways.conformance import Card, Conformance, Sold, World, not_offered
from csctl.gateways.operations import DisputeState
from csctl.gateways.pace import Pace
from csctl.gateways.protocol import Gateway
from csctl.gateways.sandbox import Lesson
from csctl.gateways.sandbox.ledger import Ledger, next_midnight

_CARDS = {
    Card.DECLINED: "tok_declined",
    Card.SOFT_DECLINED: "tok_soft_declined",
    Card.AUTHENTICATION: "tok_authentication",
    Card.PARTIAL: "tok_partial_auth",
}


class SandboxWorld(World):
    unknown = "sbx_0123456789abcdef"

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.ledger, self._sold, self._charged, self._token = Ledger(path), 0, "tok_ok", "tok_ok"

    def open(self, *, right: bool) -> Gateway:
        url = urls.parse(f"sandbox:{self.ledger.path}{'' if right else '?credentials=wrong'}")
        return sandbox.open_account(url, rehearsal=True, now=lambda: self.now, zone=UTC, pace=Pace())

    def token(self, card: Card) -> str:
        if card is Card.APPROVED:
            return self._charged
        return _CARDS[card] if card in _CARDS else not_offered()

    def sell(self, amount: int, state: Sold) -> str:
        self._sold += 1
        reference, at = f"sbx_{self._sold}", self.now - timedelta(days=2 if state is Sold.SETTLED else 0)
        kind = Kind.AUTHORIZE if state is Sold.AUTHORIZED else Kind.SALE
        self.ledger.teach([Lesson(reference, kind, amount, "USD", self._token, at, None)])
        return reference

    def lose_next(self, *, effect: bool) -> None:
        how = "applied" if effect else "lost"
        self._token, self._charged = f"tok_timeout_{how}", f"tok_charge_timeout_{how}"

    def settle(self) -> None:
        self.now = max(self.now, next_midnight(self.now))

    def charged(self) -> int:
        taken = [one for one in self.ledger.entries() if one["kind"] in ("sale", "capture") and not one["voided"]]
        return sum(one["amount"] for one in taken if one["result"] == "approved")

    def returned(self, sale: str) -> int:
        paid = [one for one in self.ledger.entries() if one["parent_ref"] == sale and one["kind"] == "refund"]
        return sum(one["amount"] for one in paid if one["result"] in ("approved", "pending"))

    def is_voided(self, reference: str) -> bool:
        return any(one["ref"] == reference and one["voided"] for one in self.ledger.entries())

    def refund_outside(self, sale: str, amount: int) -> str:
        self._sold += 1
        reference = f"sbx_{self._sold}"
        refund = Lesson(reference, Kind.REFUND, amount, "USD", "tok_ok", self.now, None, parent_ref=sale)
        self.ledger.teach([refund])
        return reference

    def void_outside(self, sale: str) -> None:
        if any(one["ref"] == sale and one["kind"] == "refund" for one in self.ledger.entries()):
            not_offered()
        with self.ledger.open() as books:
            books.execute("UPDATE operations SET voided = 1 WHERE ref = ?", (sale,))

    def pend_refunds(self) -> None:
        self._token = "tok_pending"

    def dispute(self, sale: str, state: DisputeState) -> None:
        if state is not DisputeState.OPEN:
            not_offered()
        with self.ledger.open() as books:
            books.execute("UPDATE operations SET token = 'tok_disputed' WHERE ref = ?", (sale,))


class TestSandbox(Conformance):
    @pytest.fixture
    def world(self, tmp_path: Path) -> Iterator[SandboxWorld]:
        with SandboxWorld(tmp_path / "sandbox.db") as world:
            yield world
