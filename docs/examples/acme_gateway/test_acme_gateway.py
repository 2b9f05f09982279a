"""Acme's adapter passes the cases that csctl has for every gateway."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote

import acme_gateway
import pytest

from csctl.gateways import urls
from csctl.gateways.conformance import (
    Card,
    Fault,
    HttpConformance,
    HttpWorld,
    LedgerServer,
    Request,
    Response,
    Sold,
    not_offered,
)
from csctl.gateways.operations import DisputeState
from csctl.gateways.pace import Pace
from csctl.gateways.protocol import Gateway

KEY = "test-acme-5Hq2"
CARDS = {Card.APPROVED: "card-1", Card.DECLINED: "card-2", Card.SOFT_DECLINED: "card-3", Card.UNKNOWN: "card-9"}
_ERRORS = {"card-2": "declined", "card-3": "insufficient_funds"}


class _Refused(Exception):
    def __init__(self, code: str, status: int = 422) -> None:
        self.code, self.status = code, status


class AcmeLedger(LedgerServer):
    """Acme on loopback, with books of its own."""

    def __init__(self) -> None:
        self.books: dict[str, dict[str, Any]] = {}
        self.changed: list[str] = []
        super().__init__()

    def writes(self, request: Request) -> bool:
        return request.method == "POST"

    def carry_out(self, request: Request) -> Response:
        try:
            if request.headers.get("authorization") != f"Bearer {KEY}":
                raise _Refused("no_such_key", 401)
            words = [unquote(word) for word in request.path.split("/")[1:]]
            return _json(self._post(words, request) if self.writes(request) else self._get(words, request))
        except _Refused as refused:
            return _json({"error": refused.code}, refused.status)

    def _post(self, words: list[str], request: Request) -> dict[str, Any]:
        asked = json.loads(request.body)
        if seen := next((one for one in self.books.values() if one["key"] == asked["key"]), None):
            return seen  # a key that was seen before gets the first answer again
        if len(words) == 1:
            return self._charge(asked)
        payment = self.books.get(words[1])
        if payment is None:
            raise _Refused("unknown_payment")
        return {"capture": self._capture, "void": self._void, "refunds": self._refund}[words[2]](payment, asked)

    def _charge(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        card = asked["card"]
        if card == CARDS[Card.UNKNOWN]:
            raise _Refused("unknown_card")
        kind = "sale" if asked["capture"] else "authorize"
        if code := _ERRORS.get(card):
            self.book(kind, asked["amount"], asked["currency"], asked["key"], state="declined")
            raise _Refused(code)
        return self.book(kind, asked["amount"], asked["currency"], asked["key"], captured=asked["capture"])

    def _capture(self, payment: dict[str, Any], asked: Mapping[str, Any]) -> dict[str, Any]:
        if any(one["kind"] == "capture" and one["payment"] == payment["id"] for one in self.books.values()):
            raise _Refused("settled")
        return self.book("capture", asked["amount"], asked["currency"], asked["key"], payment["id"], captured=True)

    def _void(self, payment: dict[str, Any], asked: Mapping[str, Any]) -> dict[str, Any]:
        if payment["voided"]:
            raise _Refused("voided")
        if self.is_settled(payment):
            raise _Refused("settled")
        payment["voided"] = True
        self.changed.append(payment["id"])
        return self.book("void", payment["amount"], payment["currency"], asked["key"], payment["id"])

    def _refund(self, payment: dict[str, Any], asked: Mapping[str, Any]) -> dict[str, Any]:
        if payment["voided"] or payment["disputed"]:
            raise _Refused("voided" if payment["voided"] else "disputed")
        if not self.is_settled(payment):
            raise _Refused("not_settled")
        return self.refund(payment["id"], asked["amount"], asked["key"])

    def refund(self, payment: str, amount: int, key: str = "") -> dict[str, Any]:
        one = self.books[payment]
        if one["returned"] + amount > one["amount"]:
            raise _Refused("too_much")
        one["returned"] += amount
        self.changed.append(payment)
        return self.book("refund", amount, one["currency"], key, payment)

    def book(
        self,
        kind: str,
        amount: int,
        currency: str,
        key: str = "",
        payment: str = "",
        *,
        state: str = "approved",
        captured: bool = False,
    ) -> dict[str, Any]:
        reference = f"acme-{len(self.books) + 1}"
        one = {"id": reference, "kind": kind, "amount": amount, "currency": currency, "key": key, "payment": payment}
        one |= {"state": state, "captured": captured, "voided": False, "returned": 0, "disputed": False}
        one["at"] = self.time.isoformat()
        self.books[reference] = one
        self.changed.append(reference)
        return one

    def is_settled(self, one: Mapping[str, Any]) -> bool:
        """From the midnight after it was taken."""
        day = datetime.fromisoformat(one["at"]).date()
        return bool(one["captured"] or one["kind"] == "refund") and self.time.date() > day

    def _get(self, words: list[str], request: Request) -> dict[str, Any]:
        query = dict(request.query)
        if words == ["account"]:
            return {"id": "acme-account-7"}
        if words[0] == "cards":
            if words[1] == CARDS[Card.UNKNOWN]:
                raise _Refused("unknown", 404)
            return {"id": words[1]}
        if words[0] == "changes":
            after = int(query["after"])
            later = self.changed[after : after + 2]
            found = [{**self._shown(self.books[one]), "number": after + n} for n, one in enumerate(later, start=1)]
            return {"found": found}
        if len(words) == 1:
            return {"found": [self._shown(one) for one in self.books.values() if one["key"] == query["key"]]}
        if words[1] not in self.books:
            raise _Refused("unknown", 404)
        return self._shown(self.books[words[1]])

    def _shown(self, one: dict[str, Any]) -> dict[str, Any]:
        at = datetime.fromisoformat(one["at"]) + timedelta(days=1)
        midnight = at.replace(hour=0, minute=0, second=0)
        return {**one, "settled_at": midnight.isoformat() if self.is_settled(one) and not one["voided"] else None}


def _json(value: Mapping[str, Any], status: int = 200) -> Response:
    return Response(json.dumps(value).encode(), status, {"Content-Type": "application/json"})


def _body(**fields: object) -> bytes:
    return json.dumps(fields).encode()


class AcmeWorld(HttpWorld):
    ledger: AcmeLedger
    secrets = (KEY,)
    unknown = "acme-999"
    approval = _body(id="acme-77", key="another", state="approved", amount=800, currency="USD")

    def __init__(self) -> None:
        super().__init__(AcmeLedger())
        self.strange = {
            "an invented error": Fault(effect=False, status=422, body=_body(error="invented")),
            "no error": Fault(effect=False, status=422, body=b"{}"),
            "success under an error": Fault(effect=False, status=422, body=self.approval),
            "an error under success": Fault(effect=False, body=_body(error="declined")),
        }

    def open(self, *, right: bool) -> Gateway:
        url = urls.parse(f"acme:{KEY if right else 'test-revoked'}?base={self.ledger.base}&timeout=1")
        return acme_gateway.open_account(url, rehearsal=True, now=lambda: self.now, zone=UTC, pace=Pace())

    def token(self, card: Card) -> str:
        return CARDS[card] if card in CARDS else not_offered()

    def sell(self, amount: int, state: Sold) -> str:
        now = self.now
        self.now = now - timedelta(days=2 if state is Sold.SETTLED else 0)
        captured = state is not Sold.AUTHORIZED
        sold = self.ledger.book("sale" if captured else "authorize", amount, "USD", captured=captured)
        self.now = now
        return str(sold["id"])

    def settle(self) -> None:
        """Acme settles by itself, at midnight, and tells of it."""
        self.ledger.changed += [one["id"] for one in self.ledger.books.values() if self.ledger.is_settled(one)]

    def charged(self) -> int:
        taken = [one for one in self.ledger.books.values() if one["captured"] and not one["voided"]]
        return sum(one["amount"] for one in taken if one["state"] == "approved")

    def returned(self, sale: str) -> int:
        return int(self.ledger.books[sale]["returned"])

    def is_voided(self, reference: str) -> bool:
        return bool(self.ledger.books[reference]["voided"])

    def refund_outside(self, sale: str, amount: int) -> str:
        return str(self.ledger.refund(sale, amount)["id"])

    def void_outside(self, sale: str) -> None:
        if self.ledger.books[sale]["kind"] == "refund":
            not_offered()
        self.ledger.books[sale]["voided"] = True

    def bring_back(self, refund: str) -> None:
        self.ledger.books[refund]["state"] = "returned"
        self.ledger.changed.append(refund)

    def dispute(self, sale: str, state: DisputeState) -> None:
        if state is not DisputeState.OPEN:
            not_offered()
        self.ledger.books[sale]["disputed"] = True

    def key_of(self, request: Request) -> str | None:
        return str(json.loads(request.body)["key"])

    def refusal(self, text: str) -> Fault:
        return Fault(effect=False, status=422, body=_body(error="declined", message=text))


class TestAcme(HttpConformance):
    @pytest.fixture
    def world(self) -> Iterator[AcmeWorld]:
        with AcmeWorld() as world:
            yield world
