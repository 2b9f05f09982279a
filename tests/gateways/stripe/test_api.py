"""Requests and the answers of the pretend Stripe have the fields of the real one.

`api.json` has the names from the types of stripe-python 16.1.0, which are those of API version 2026-10-28.endive, and
the kinds of values from the examples of stripe/openapi. Both are under the MIT license.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from csctl.domain.states import Kind
from csctl.gateways.conformance.server import Request, Response
from csctl.gateways.stripe.adapter import Stripe
from tests.gateways.ledgers.stripe import StripeLedger
from tests.gateways.operations import NOW, Op
from tests.gateways.stripe import openapi

API: dict[str, Any] = json.loads(Path(__file__).with_name("api.json").read_text(encoding="utf-8"))
_ID = re.compile(r"/(?:pi|ch|re|dp|cus)_\w+")
_KINDS = {"boolean": bool, "integer": int, "string": str, "object": Mapping, "array": list}
_EXPANDED = ("latest_charge", "payment_intent")  # an id or the object itself


def _work(account: Stripe, ledger: StripeLedger, op: Op) -> None:
    """Every kind of request."""
    charge = op(Kind.SALE, order_number="#1001")
    paid = account.charge(charge).reference or ""
    account.charge(op(Kind.SALE, token="cus_1/pm_soft"))
    for write, kind in (account.capture, Kind.CAPTURE), (account.void, Kind.VOID):
        write(op(kind, sale=account.charge(op(Kind.AUTHORIZE)).reference))
    paid_by = str(ledger.objects[paid]["latest_charge"]["id"])
    account.capture(op(Kind.CAPTURE, sale=paid_by))
    refund = op(Kind.REFUND, "8.00", sale=paid)
    refunded = account.refund(refund).reference or ""
    account.refund(op(Kind.REFUND, "800.00", sale=paid))
    ledger.dispute(ledger.sell("20.00"))
    account.find(charge)
    account.find(refund)
    account.lookup(refunded, Kind.REFUND)
    for disputed in ledger.objects.values():
        if disputed["object"] == "dispute":
            account.lookup(disputed["payment_intent"], Kind.SALE)
    list(account.changes(None))
    ledger.now = NOW + timedelta(days=2)
    ledger.bring_back(refunded)
    ledger.dispute(paid)
    list(account.changes(str(int(ledger.now.timestamp()))))
    account.check()
    account.lookup(paid_by, Kind.SALE)
    list(account.records(NOW, ledger.now))
    ledger.may_read_account = False
    account.identity()


def test_every_field_that_is_sent_is_one_of_the_api(account: Stripe, ledger: StripeLedger, op: Op) -> None:
    _work(account, ledger, op)

    unknown = {
        f"{_call(request)}: {name}"
        for request in ledger.wire
        for name in _names(request)
        if name not in API["requests"][_call(request)]
    }
    assert unknown == set()
    assert {_call(request) for request in ledger.wire} == set(API["requests"])


def test_every_field_of_an_answer_is_one_of_the_api(account: Stripe, ledger: StripeLedger, op: Op) -> None:
    _work(account, ledger, op)

    problems = {problem for shown in [*ledger.objects.values(), *ledger.events] for problem in _problems(shown)}
    assert problems == set()


def test_every_answer_is_one_of_the_openapi_document(
    account: Stripe, ledger: StripeLedger, op: Op, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[tuple[Request, Response]] = []
    carry_out = ledger.carry_out

    def recorded(request: Request) -> Response:
        said.append((request, carry_out(request)))
        return said[-1][1]

    monkeypatch.setattr(ledger, "carry_out", recorded)
    _work(account, ledger, op)

    answers = [(_call(request), answer.status, json.loads(answer.body)) for request, answer in said]
    assert {problem for answer in answers for problem in openapi.problems(*answer)} == set()
    assert {status for _, status, _ in answers} == {200, 400, 402, 403}
    # The comparison sees what is wrong.
    refund = next(answer for call, _, answer in answers if call == "POST /v1/refunds")
    for broken in ({"status": 1}, {"amount": "800"}, {"metadata": {"csctl_key": 1}}, {"object": "charge"}):
        assert openapi.problems("POST /v1/refunds", 200, {**refund, **broken}), broken
    assert openapi.problems("GET /v1/refunds", 200, {"object": "list", "data": [refund]})  # whether there are more


def _call(request: Request) -> str:
    return f"{request.method} {_ID.sub('/ID', request.path)}"


def _names(request: Request) -> set[str]:
    fields = dict(request.query) if request.method == "GET" else request.form
    return {name.partition("[")[0] for name in fields}


def _problems(shown: Mapping[str, Any]) -> set[str]:
    kind = str(shown.get("object", "event"))
    fields, statuses = API["answers"][kind], API["statuses"].get(kind)
    found = {f"{kind}: {name}" for name in shown if name not in fields}
    for name, value in shown.items():
        of = _KINDS.get(fields.get(name, ""))
        if of and value is not None and name not in _EXPANDED and not isinstance(value, of):
            found.add(f"{kind}: {name} is {value!r}")
    if statuses and shown["status"] not in statuses:
        found.add(f"{kind}: {shown['status']}")
    return found
