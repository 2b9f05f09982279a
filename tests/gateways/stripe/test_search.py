"""Finding attempts whose answer was lost, and what lookups tell."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from csctl.domain.reasons import Reason
from csctl.domain.states import Kind, State
from csctl.errors import Misconfigured, Unreachable
from csctl.gateways.conformance.server import Fault
from csctl.gateways.operations import Ambiguous, DisputeState, Found, Possible
from csctl.gateways.stripe.adapter import Stripe
from tests.gateways.ledgers.stripe import StripeLedger
from tests.gateways.operations import NOW, Op
from tests.gateways.stripe.conftest import Opener


def found(result: object) -> Found:
    assert isinstance(result, Found)
    return result


def test_two_payments_with_our_key_are_for_a_person(account: Stripe, ledger: StripeLedger, op: Op) -> None:
    charge = op(Kind.SALE)
    account.charge(charge)
    ledger.kept.clear()  # as Stripe does after a day
    account.charge(charge)

    assert isinstance(account.find(charge), Ambiguous)


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("warning_needs_response", DisputeState.INQUIRY),
        ("under_review", DisputeState.OPEN),
        ("appeal_under_review", DisputeState.OPEN),
        ("lost", DisputeState.LOST),
        ("prevented", DisputeState.WON),
        ("invented", None),
    ],
)
def test_every_status_of_a_dispute(
    account: Stripe, ledger: StripeLedger, status: str, state: DisputeState | None
) -> None:
    sale = ledger.sell("20.00")
    ledger.dispute(sale, status)
    dispute = account.lookup(sale, Kind.SALE).dispute

    assert (dispute.state if dispute else None) is state


@pytest.mark.parametrize("captured", ["15.00", "20.00"])
def test_what_a_partial_capture_released_was_not_refunded(
    account: Stripe, ledger: StripeLedger, op: Op, captured: str
) -> None:
    sale = ledger.sell("20.00", type="auth")
    account.capture(op(Kind.CAPTURE, captured, sale=sale))
    charge = ledger.objects[sale]["latest_charge"]["id"]
    assert [account.lookup(one, Kind.SALE).refunded_total for one in (sale, charge)] == [0, 0]

    ledger.refund_outside(sale, "5.00")

    assert [account.lookup(one, Kind.SALE).refunded_total for one in (sale, charge)] == [500, 500]


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        ("requires_action", (State.DECLINED, Reason.AUTHENTICATION)),
        ("requires_payment_method", (State.DECLINED, Reason.DECLINED)),
        ("requires_confirmation", (State.FAILED, Reason.NEVER_EXECUTED)),
        ("processing", (State.PENDING, None)),
    ],
)
def test_a_charge_that_can_still_be_paid_is_open_until_it_is_canceled(
    account: Stripe, ledger: StripeLedger, op: Op, status: str, outcome: tuple[State, Reason | None]
) -> None:
    charge = op(Kind.SALE)
    intent = account.charge(charge).reference or ""
    ledger.objects[intent].update(status=status, latest_charge=None)
    assert account.lookup(intent, Kind.SALE).answer.state is State.PENDING
    changed = {change.reference: change for change in account.changes(str(int(NOW.timestamp())))}
    assert found(changed[intent].found).answer.state is State.PENDING
    assert len(ledger.written()) == 1  # asking cancels nothing: it may be a payment that csctl did not make

    answer = found(account.find(charge)).answer

    assert (answer.state, answer.reason) == outcome
    assert (ledger.objects[intent]["status"] == "canceled") is (status != "processing")


def test_a_charge_that_is_paid_while_it_is_canceled_is_not_declined(
    account: Stripe, ledger: StripeLedger, op: Op
) -> None:
    charge = op(Kind.SALE)
    intent = account.charge(charge).reference or ""
    ledger.objects[intent]["status"] = "requires_action"
    paid: dict[str, object] = {"code": "payment_intent_unexpected_state", "type": "invalid_request_error"}
    paid |= {"payment_intent": {"id": intent, "status": "succeeded"}}
    ledger.fail_next(Fault(effect=False, status=400, body=json.dumps({"error": paid}).encode()))
    assert found(account.find(charge)).answer.state is State.UNKNOWN

    ledger.objects[intent]["status"] = "succeeded"

    assert found(account.find(charge)).answer.state is State.APPROVED


def test_the_account_tells_its_id_and_its_rights(account: Stripe, open_account: Opener, ledger: StripeLedger) -> None:
    assert (account.identity().account, account.identity().livemode) == ("acct_1Pretend", False)
    assert account.check() == []
    assert ledger.written() == []

    ledger.may_read_account = False
    assert account.identity().account is None
    refused = Fault(effect=False, status=403, body=b'{"error": {"type": "invalid_request_error"}}')
    ledger.fail_next(refused, matches=lambda request: request.path == "/v1/disputes")
    (problem,) = account.check()
    assert "disputes" in problem.what
    with pytest.raises(Misconfigured):
        open_account("sk_test_revoked").identity()
    assert ledger.wire[-1].path == "/v1/account"  # a key that is not valid has no other rights


@pytest.mark.parametrize("body", [b"{}", b'{"id": "x", "object": "y"}', b'{"object": "account"}'])
def test_an_answer_without_an_account_is_not_believed(account: Stripe, ledger: StripeLedger, body: bytes) -> None:
    ledger.fail_next(Fault(body=body), matches=lambda request: request.path == "/v1/account")

    with pytest.raises(Unreachable):
        account.identity()


def test_the_account_says_what_it_can_do(account: Stripe) -> None:
    can = account.capabilities

    assert can.void_captured is Possible.NO
    assert can.keys_live == timedelta(hours=23)
    assert can.refund_watch == timedelta(days=30)
