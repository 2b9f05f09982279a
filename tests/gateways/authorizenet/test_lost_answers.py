"""Answers of Authorize.Net that are lost or broken: never success, never failure, and nothing is sent twice."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal

import pytest

from csctl.domain.reasons import Reason
from csctl.domain.states import Kind, State
from csctl.gateways.authorizenet.adapter import AuthorizeNet
from tests.gateways.ledgers.authorizenet import KEY, AuthorizeNetLedger
from tests.gateways.ledgers.server import Fault
from tests.gateways.operations import Op

_TRANSACTION = {"responseCode": "1", "transId": "77", "testRequest": "0", "messages": [{"code": "1"}]}
_OK = {"resultCode": "Ok", "message": [{"code": "I00001", "text": "Successful."}]}
APPROVED = json.dumps({"transactionResponse": _TRANSACTION, "messages": _OK}).encode("utf-8-sig")
BROKEN = {
    "dropped": Fault(cut=0),
    "reset": Fault(reset=True),
    "half": Fault(cut=30),
    "empty": Fault(body=b""),
    "html": Fault(body=b"<html><body>Sign in</body></html>"),
    "null": Fault(body=b"null"),
    "a list": Fault(body=b"[]"),
    "no messages": Fault(body=json.dumps({"transactionResponse": _TRANSACTION}).encode()),
    "no result": Fault(body=json.dumps({"transactionResponse": _TRANSACTION, "messages": {}}).encode()),
    "no transaction": Fault(body=json.dumps({"messages": _OK}).encode()),
    "another reference": Fault(body=APPROVED.replace(b'{"trans', b'{"refId": "x", "trans', 1)),
    "a name twice": Fault(body=APPROVED.replace(b'"transId": "77"', b'"transId": "77", "transId": "78"')),
    "too long": Fault(body=APPROVED + b" " * (3 << 20)),
    **{str(code): Fault(status=code, body=APPROVED) for code in (201, 204, 400, 401, 403, 404, 408, 409, 421, 425)},
    **{str(code): Fault(status=code, body=APPROVED) for code in (500, 502, 503, 504)},
    **{str(code): Fault(status=code, headers={"Location": "http://127.0.0.1:9/"}) for code in (301, 302, 307)},
}


@pytest.mark.parametrize("effect", [True, False])
@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_answer_leaves_a_refund_unknown(
    account: AuthorizeNet, ledger: AuthorizeNetLedger, op: Op, name: str, effect: bool
) -> None:
    sale = ledger.sell("20.00", settled=True)
    ledger.fail_next(replace(BROKEN[name], effect=effect))

    answer = account.refund(op(Kind.REFUND, "8.00", sale=sale))

    assert answer.state is State.UNKNOWN
    assert ledger.returned(sale) == (Decimal("8.00") if effect else 0)
    assert len(ledger.written()) == 1


@pytest.mark.parametrize("kind", [Kind.SALE, Kind.CAPTURE, Kind.VOID])
@pytest.mark.parametrize("name", ["dropped", "half", "500", "302"])
def test_a_broken_answer_leaves_the_others_unknown(
    account: AuthorizeNet, ledger: AuthorizeNetLedger, op: Op, name: str, kind: Kind
) -> None:
    sale = ledger.sell("20.00", type="auth" if kind is Kind.CAPTURE else "sale")
    ledger.fail_next(BROKEN[name])
    writes = {Kind.SALE: account.charge, Kind.CAPTURE: account.capture, Kind.VOID: account.void}

    answer = writes[kind](op(kind, sale=None if kind is Kind.SALE else sale))

    assert answer.state is State.UNKNOWN
    assert len(ledger.written()) == 1


def test_a_refused_connection_is_a_failure_with_nothing_sent(
    account: AuthorizeNet, ledger: AuthorizeNetLedger, op: Op
) -> None:
    sale = ledger.sell("20.00", settled=True)
    ledger.close()

    answer = account.refund(op(Kind.REFUND, sale=sale))

    assert (answer.state, answer.reason) == (State.FAILED, Reason.UNREACHABLE)


@pytest.mark.parametrize("busy", ["429", "E00053", "E00104"])
def test_a_gateway_that_is_busy_has_done_nothing(
    account: AuthorizeNet, ledger: AuthorizeNetLedger, op: Op, busy: str
) -> None:
    sale = ledger.sell("20.00", settled=True)
    said = {"messages": {"resultCode": "Error", "message": [{"code": busy, "text": "busy"}]}}
    body = json.dumps(said).encode()
    ledger.fail_next(Fault(effect=False, status=429 if busy == "429" else None, body=body))

    answer = account.refund(op(Kind.REFUND, sale=sale))

    assert (answer.state, answer.reason) == (State.FAILED, Reason.BUSY)


def test_no_secret_is_in_a_url_a_header_a_message_or_a_repr(
    account: AuthorizeNet, ledger: AuthorizeNetLedger, op: Op
) -> None:
    error = {"errorCode": "2", "errorText": f"4111111111111111 and \x1b[31m {KEY}"}
    ledger.answer_next({"responseCode": "2", "transId": "0", "errors": [error]}, "Error", "E00027")

    message = account.charge(op(Kind.SALE)).message or ""
    account.identity()

    assert not any(text in message for text in (KEY, "4111111111111111", "\x1b"))
    assert all(KEY not in f"{request.target}{dict(request.headers)}" for request in ledger.wire)
    assert KEY not in repr(account)
