"""Answers of Stripe that are lost or broken: never success, never failure, and nothing is sent twice."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal

import pytest

from csctl.domain.reasons import Reason
from csctl.domain.states import Kind, State
from csctl.gateways.stripe.adapter import Stripe
from tests.gateways.ledgers.server import Fault
from tests.gateways.ledgers.stripe import KEY, StripeLedger
from tests.gateways.operations import Op

REFUND = {"object": "refund", "id": "re_9", "status": "succeeded", "amount": 800, "currency": "usd"}
APPROVED = json.dumps(REFUND).encode()
BROKEN = {
    "dropped": Fault(cut=0),
    "reset": Fault(reset=True),
    "half": Fault(cut=30),
    "empty": Fault(body=b""),
    "html": Fault(body=b"<html><body>Sign in</body></html>"),
    "null": Fault(body=b"null"),
    "without our key": Fault(body=APPROVED),
    "another object": Fault(body=b'{"object": "charge", "id": "ch_1", "status": "succeeded"}'),
    "a name twice": Fault(body=APPROVED.replace(b'"id": "re_9"', b'"id": "re_9", "id": "re_8"')),
    "too long": Fault(body=APPROVED + b" " * (3 << 20)),
    "error without a type": Fault(status=400, body=b'{"error": {}}'),
    "400 without a body": Fault(status=400, body=b""),
    **{str(code): Fault(status=code, body=APPROVED) for code in (201, 204, 402, 404, 408, 409, 421, 424, 425)},
    **{str(code): Fault(status=code, body=APPROVED) for code in (500, 502, 503, 504)},
    **{str(code): Fault(status=code, headers={"Location": "http://127.0.0.1:9/"}) for code in (301, 302, 307)},
}


@pytest.mark.parametrize("effect", [True, False])
@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_answer_leaves_a_refund_unknown(
    account: Stripe, ledger: StripeLedger, op: Op, name: str, effect: bool
) -> None:
    sale = ledger.sell("20.00")
    ledger.fail_next(replace(BROKEN[name], effect=effect))

    answer = account.refund(op(Kind.REFUND, "8.00", sale=sale))

    assert answer.state is State.UNKNOWN
    assert ledger.returned(sale) == (Decimal("8.00") if effect else 0)
    assert len(ledger.written()) == 1


@pytest.mark.parametrize("kind", [Kind.SALE, Kind.CAPTURE, Kind.VOID])
@pytest.mark.parametrize("name", ["dropped", "half", "500", "302"])
def test_a_broken_answer_leaves_the_others_unknown(
    account: Stripe, ledger: StripeLedger, op: Op, name: str, kind: Kind
) -> None:
    sale = ledger.sell("20.00", type="auth")
    ledger.fail_next(BROKEN[name])
    writes = {Kind.SALE: account.charge, Kind.CAPTURE: account.capture, Kind.VOID: account.void}

    answer = writes[kind](op(kind, sale=None if kind is Kind.SALE else sale))

    assert answer.state is State.UNKNOWN
    assert len(ledger.written()) == 1


def test_a_refused_connection_is_a_failure_with_nothing_sent(account: Stripe, ledger: StripeLedger, op: Op) -> None:
    sale = ledger.sell("20.00")
    ledger.close()

    answer = account.refund(op(Kind.REFUND, sale=sale))

    assert (answer.state, answer.reason) == (State.FAILED, Reason.UNREACHABLE)


def test_no_secret_is_in_a_url_a_message_or_a_repr(account: Stripe, ledger: StripeLedger, op: Op) -> None:
    said = {"type": "card_error", "code": "card_declined", "message": f"{KEY} 4111111111111111 \x1b[31m"}
    ledger.fail_next(Fault(effect=False, status=402, body=json.dumps({"error": said}).encode()))

    message = account.charge(op(Kind.SALE)).message or ""
    account.identity()

    assert not any(text in message for text in (KEY, "4111111111111111", "\x1b"))
    assert all(KEY not in request.target and KEY.encode() not in request.body for request in ledger.wire)
    assert KEY not in repr(account)
