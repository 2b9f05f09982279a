"""Answers of NMI that are lost or broken: never success, never failure, and nothing is sent twice."""

from __future__ import annotations

from decimal import Decimal

import pytest

from csctl.domain.reasons import Reason
from csctl.domain.states import Kind, State
from csctl.gateways.nmi.adapter import Nmi
from tests.gateways.ledgers.nmi import NmiLedger
from tests.gateways.ledgers.server import Fault
from tests.gateways.operations import Op

APPROVED = b"response=1&responsetext=SUCCESS&transactionid=9&response_code=100"
BROKEN = {
    "dropped": Fault(cut=0),
    "reset": Fault(reset=True),
    "half": Fault(cut=20),
    "empty": Fault(body=b""),
    "html": Fault(body=b"<html><body>Sign in</body></html>"),
    "json": Fault(body=b"null"),
    "another type": Fault(body=APPROVED + b"&type=auth"),
    "another key": Fault(body=APPROVED + b"&orderid=somebody"),
    "no reference": Fault(body=b"response=1&responsetext=SUCCESS&transactionid=&response_code=100"),
    "reference 0": Fault(body=b"response=1&responsetext=SUCCESS&transactionid=0&response_code=100"),
    "twice": Fault(body=APPROVED + b"&response=2"),
    "not utf-8": Fault(body=b"\xff\xfe\x00"),
    "too long": Fault(body=APPROVED + b"&x=" + b"a" * (3 << 20)),
    **{str(code): Fault(status=code, body=APPROVED) for code in (201, 204, 400, 401, 403, 404, 408, 409, 421, 425)},
    **{str(code): Fault(status=code, body=APPROVED) for code in (500, 502, 503, 504)},
    **{str(code): Fault(status=code, headers={"Location": "http://127.0.0.1:9/"}) for code in (301, 302, 307)},
}


@pytest.mark.parametrize("effect", [True, False])
@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_answer_leaves_a_refund_unknown(
    account: Nmi, ledger: NmiLedger, op: Op, name: str, effect: bool
) -> None:
    from dataclasses import replace

    sale = ledger.sell("20.00", settled=True)
    ledger.fail_next(replace(BROKEN[name], effect=effect))

    answer = account.refund(op(Kind.REFUND, "8.00", sale=sale))

    assert answer.state is State.UNKNOWN
    assert ledger.returned(sale) == (Decimal("8.00") if effect else 0)
    assert len(ledger.written()) == 1


@pytest.mark.parametrize("kind", [Kind.SALE, Kind.CAPTURE, Kind.VOID])
@pytest.mark.parametrize("name", ["dropped", "half", "500", "302"])
def test_a_broken_answer_leaves_the_others_unknown(
    account: Nmi, ledger: NmiLedger, op: Op, name: str, kind: Kind
) -> None:
    sale = ledger.sell("20.00", type="auth" if kind is Kind.CAPTURE else "sale")
    ledger.fail_next(BROKEN[name])
    writes = {Kind.SALE: account.charge, Kind.CAPTURE: account.capture, Kind.VOID: account.void}

    answer = writes[kind](op(kind, sale=None if kind is Kind.SALE else sale))

    assert answer.state is State.UNKNOWN
    assert len(ledger.written()) == 1


def test_a_refused_connection_is_a_failure_with_nothing_sent(account: Nmi, ledger: NmiLedger, op: Op) -> None:
    sale = ledger.sell("20.00", settled=True)
    ledger.close()

    answer = account.refund(op(Kind.REFUND, sale=sale))

    assert (answer.state, answer.reason) == (State.FAILED, Reason.UNREACHABLE)


def test_a_gateway_that_is_busy_has_done_nothing(account: Nmi, ledger: NmiLedger, op: Op) -> None:
    sale = ledger.sell("20.00", settled=True)
    ledger.fail_next(Fault(effect=False, status=429, headers={"Retry-After": "7"}, body=b"slow down"))

    answer = account.refund(op(Kind.REFUND, sale=sale))

    assert (answer.state, answer.reason, answer.retry_after) == (State.FAILED, Reason.BUSY, 7.0)


def test_texts_of_the_gateway_are_cleaned(account: Nmi, ledger: NmiLedger, op: Op) -> None:
    from tests.gateways.ledgers.nmi import KEY

    ledger.refuse_next(f"Card 4111111111111111\x1b[31m refused for {KEY}", "202", "2")

    message = account.charge(op(Kind.SALE)).message or ""

    assert "4111111111111111" not in message
    assert KEY not in message
    assert "\x1b" not in message


def test_no_secret_is_in_a_url_or_a_repr(account: Nmi, ledger: NmiLedger, op: Op) -> None:
    from tests.gateways.ledgers.nmi import KEY

    account.charge(op(Kind.SALE))
    account.identity()

    assert all(KEY not in request.target and request.method == "POST" for request in ledger.wire)
    assert KEY not in repr(account)
    assert all(KEY not in value for request in ledger.wire for value in request.headers.values())
