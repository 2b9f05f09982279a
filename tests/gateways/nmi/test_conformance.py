"""The cases of all gateways, at a pretend NMI."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

import pytest

from csctl.gateways.conformance import Card, Fault, HttpConformance, Request
from tests.gateways.ledgers.nmi import KEY, NmiLedger
from tests.gateways.pretend import PretendWorld

_CARDS = {
    Card.APPROVED: "1001",
    Card.DECLINED: "1002",
    Card.SOFT_DECLINED: "1003",
    Card.PARTIAL: "1004",
    Card.UNKNOWN: "555",
}


def _said(response: str, code: str, text: str = "TEXT", more: str = "") -> Fault:
    body = f"response={response}&responsetext={quote(text)}&transactionid=5&response_code={code}{more}"
    return Fault(effect=False, body=body.encode())


_APPROVAL = b"response=1&responsetext=SUCCESS&transactionid=9&response_code=100&orderid=somebody"
_STRANGE = {
    **{f"code 999 of {response}": _said(response, "999") for response in "1234"},
    "success under an error": _said("3", "100"),
    "an error under success": _said("1", "202"),
    "a decline under an error": _said("3", "202"),
    "no code": _said("3", ""),
    "no response": _said("", "100"),
    "another type": _said("1", "100", more="&type=auth"),
    "a name twice": _said("1", "100", more="&response=2"),
    "no reference": Fault(effect=False, body=b"response=1&responsetext=OK&transactionid=0&response_code=100"),
}


class NmiWorld(PretendWorld):
    makes = NmiLedger
    ledger: NmiLedger
    cards = _CARDS
    secrets = (KEY,)
    unknown = "999"
    approval = _APPROVAL
    strange = _STRANGE

    def url(self, *, right: bool) -> str:
        return f"nmi:{KEY if right else 'revoked-key-1'}"

    def charged(self) -> int:
        taken = (
            one for one in self.ledger.books.values() if one.charged and one.condition not in ("canceled", "failed")
        )
        return int(100 * sum(one.amount for one in taken))

    def is_voided(self, reference: str) -> bool:
        return self.ledger.books[reference].condition == "canceled"

    def void_outside(self, sale: str) -> None:
        self.ledger.void_outside(sale)

    def bring_back(self, refund: str) -> None:
        self.ledger.bring_back(refund)

    def key_of(self, request: Request) -> str | None:
        return request.form["orderid"]

    def refusal(self, text: str) -> Fault:
        return _said("2", "202", text)


class TestNmi(HttpConformance):
    @pytest.fixture
    def world(self) -> Iterator[NmiWorld]:
        with NmiWorld() as world:
            yield world
