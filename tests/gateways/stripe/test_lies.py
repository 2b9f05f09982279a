"""A Stripe that answers about something else, or with invalid values: nothing of it is believed."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from csctl.domain.states import Kind, State
from csctl.errors import Unreachable
from csctl.gateways.conformance.server import Fault
from csctl.gateways.operations import Ambiguous
from csctl.gateways.stripe.adapter import Stripe
from tests.gateways.ledgers.stripe import StripeLedger
from tests.gateways.operations import Op


def changed(**fields: object) -> Callable[[bytes], bytes]:
    """An answer, or each object of a list, with other fields; None leaves one out."""

    def change(body: bytes) -> bytes:
        answer: dict[str, Any] = json.loads(body)
        for shown in answer.get("data", [answer]):
            shown.update(fields)
            for name in [name for name, value in fields.items() if value is None]:
                del shown[name]
        return json.dumps(answer).encode()

    return change


@pytest.mark.parametrize(
    "fields",
    [
        {"payment_intent": "pi_another", "charge": "ch_another"},
        {"amount": None},
        {"amount": "800"},
        {"currency": None},
        {"status": "succeeded\0"},
        {"id": "re_1\0"},
    ],
    ids=str,
)
def test_a_refund_that_may_be_another_one_is_unknown(
    account: Stripe, ledger: StripeLedger, op: Op, fields: dict[str, object]
) -> None:
    refund = op(Kind.REFUND, "8.00", sale=ledger.sell("20.00"))
    ledger.fail_next(Fault(change=changed(**fields)))

    assert account.refund(refund).state is State.UNKNOWN


def test_a_refund_of_another_sale_under_our_key_is_for_a_person(account: Stripe, ledger: StripeLedger, op: Op) -> None:
    refund = op(Kind.REFUND, "8.00", sale=ledger.sell("20.00"))
    account.refund(refund)
    other = Fault(change=changed(payment_intent="pi_another", charge="ch_another"))
    ledger.fail_next(other, matches=lambda request: request.path == "/v1/refunds")

    assert isinstance(account.find(refund), Ambiguous)


def test_a_list_that_shows_the_same_page_again_and_again_ends(account: Stripe, ledger: StripeLedger, op: Op) -> None:
    refund = op(Kind.REFUND, "8.00", sale=ledger.sell("20.00"))
    account.refund(refund)
    page = json.dumps({"object": "list", "has_more": True, "data": [{"id": "re_1", "object": "refund"}]}).encode()
    ledger.fail_next(Fault(body=page), times=5, matches=lambda request: request.path == "/v1/refunds")

    with pytest.raises(Unreachable, match="cannot answer"):
        account.find(refund)
    assert sum(request.path == "/v1/refunds" and request.method == "GET" for request in ledger.wire) == 2


@pytest.mark.parametrize("created", [10**15, 10**400, -(10**12)], ids=["far", "endless", "before"])
def test_a_clock_that_is_years_off_ends_no_sync(account: Stripe, ledger: StripeLedger, created: int) -> None:
    sale = ledger.sell("20.00")
    ledger.objects[sale]["created"] = ledger.objects[sale]["latest_charge"]["created"] = created

    assert account.lookup(sale, Kind.SALE).settled_at is None


def test_a_cursor_of_the_future_is_none(account: Stripe, ledger: StripeLedger) -> None:
    sale = ledger.sell("20.00")

    assert [change.reference for change in account.changes("9" * 10)] == [sale]
    assert [change.reference for change in account.changes("9" * 30)] == [sale]
