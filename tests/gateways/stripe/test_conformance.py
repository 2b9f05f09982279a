"""The cases of all gateways, at a pretend Stripe."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from csctl.gateways.conformance import Card, Fault, HttpConformance, Request, Sold, not_offered
from csctl.gateways.operations import DisputeState
from tests.gateways.ledgers.stripe import KEY, StripeLedger
from tests.gateways.pretend import PretendWorld

_CARDS = {
    Card.APPROVED: "cus_1/pm_ok",
    Card.DECLINED: "cus_1/pm_declined",
    Card.SOFT_DECLINED: "cus_1/pm_soft",
    Card.AUTHENTICATION: "cus_1/pm_authentication",
    Card.UNKNOWN: "cus_2/pm_ok",
}
_DISPUTES = {
    DisputeState.INQUIRY: "warning_under_review",
    DisputeState.OPEN: "needs_response",
    DisputeState.LOST: "lost",
    DisputeState.WON: "won",
}


def _body(**fields: object) -> bytes:
    return json.dumps(fields).encode()


def _error(status: int, **fields: object) -> Fault:
    return Fault(effect=False, status=status, body=_body(error={"type": "invalid_request_error", **fields}))


_APPROVAL = _body(object="refund", id="re_9", status="succeeded", amount=800, currency="usd")
_STRANGE = {
    "an invented code": _error(400, code="invented"),
    "no code": _error(400),
    "an error without a type": Fault(effect=False, status=400, body=b'{"error": {}}'),
    "not found, without a code": _error(404),
    "a decline that names no intent": _error(402, type="card_error", code="card_declined"),
    "another request under its key": _error(400, type="idempotency_error"),
    "still at work": _error(409, code="idempotency_key_in_use"),
    "success under an error": Fault(effect=False, status=402, body=_APPROVAL),
    "a name twice": Fault(effect=False, body=_APPROVAL.replace(b'"id"', b'"id": "re_8", "id"')),
}


class StripeWorld(PretendWorld):
    makes = StripeLedger
    ledger: StripeLedger
    cards = _CARDS
    secrets = (KEY,)
    unknown = "pi_999"
    approval = _APPROVAL
    strange = _STRANGE

    def url(self, *, right: bool) -> str:
        return f"stripe:{KEY if right else 'rk_test_revoked'}"

    def sell(self, amount: int, state: Sold) -> str:
        return super().sell(amount, state) if state is not Sold.UNSETTLED else not_offered()

    def charged(self) -> int:
        return sum(one["amount_captured"] for one in self.ledger.objects.values() if one["object"] == "charge")

    def is_voided(self, reference: str) -> bool:
        return bool(self.ledger.objects[reference]["status"] == "canceled")

    def void_outside(self, sale: str) -> None:
        self.ledger.objects[sale]["status"] = "canceled"

    def bring_back(self, refund: str) -> None:
        self.ledger.bring_back(refund)

    def pend_refunds(self) -> None:
        self.ledger.refund_status = "pending"

    def dispute(self, sale: str, state: DisputeState) -> None:
        self.ledger.dispute(sale, _DISPUTES[state])

    def key_of(self, request: Request) -> str | None:
        assert request.form["metadata[csctl_key]"] == request.headers["idempotency-key"]
        return request.headers["idempotency-key"]

    def refusal(self, text: str) -> Fault:
        intent = self.ledger.sell("20.00", type="auth")
        return _error(402, type="card_error", code="card_declined", message=text, payment_intent={"id": intent})


class TestStripe(HttpConformance):
    @pytest.fixture
    def world(self) -> Iterator[StripeWorld]:
        with StripeWorld() as world:
            yield world
