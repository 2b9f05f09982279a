"""Finding attempts whose answer was lost, and what lookups tell."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from csctl.domain.reasons import Reason
from csctl.domain.states import Kind, Settlement, State
from csctl.errors import Misconfigured, Unreachable
from csctl.gateways.operations import Absent, Ambiguous, DisputeState, Found, Possible
from csctl.gateways.protocol import UnknownReference
from csctl.gateways.stripe import account as accounts
from csctl.gateways.stripe.adapter import Stripe
from tests.gateways.ledgers.server import Fault
from tests.gateways.ledgers.stripe import StripeLedger
from tests.gateways.operations import NOW, Op
from tests.gateways.stripe.conftest import Opener


def found(result: object) -> Found:
    assert isinstance(result, Found)
    return result


def test_a_refund_whose_answer_was_lost_is_found_by_its_key(account: Stripe, ledger: StripeLedger, op: Op) -> None:
    sale = ledger.sell("20.00")
    refund, lost = op(Kind.REFUND, "8.00", sale=sale), op(Kind.REFUND, "8.00", sale=sale)
    ledger.refund_outside(sale, "8.00")
    ledger.fail_next(Fault(cut=0))
    assert account.refund(refund).state is State.UNKNOWN

    assert found(account.find(refund)).answer.amount == 800
    assert isinstance(account.find(lost), Absent)


def test_a_refund_among_more_than_a_page_is_found(
    account: Stripe, ledger: StripeLedger, op: Op, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accounts, "PAGE", 10)
    sale = ledger.sell("200.00")
    refund = op(Kind.REFUND, "8.00", sale=sale)
    account.refund(refund)
    for _ in range(25):
        ledger.refund_outside(sale, "1.00")

    assert found(account.find(refund)).answer.state is State.APPROVED


def test_a_refund_that_failed_since_is_found_as_failed(account: Stripe, ledger: StripeLedger, op: Op) -> None:
    refund = op(Kind.REFUND, "8.00", sale=ledger.sell("20.00"))
    ledger.bring_back(account.refund(refund).reference or "")

    assert found(account.find(refund)).answer.reason is Reason.RETURNED


def test_charges_are_found_by_customer_and_time(account: Stripe, ledger: StripeLedger, op: Op) -> None:
    approved, declined, lost = op(Kind.SALE), op(Kind.SALE, token="cus_1/pm_soft"), op(Kind.SALE)
    account.charge(approved)
    account.charge(declined)

    assert found(account.find(approved)).answer.state is State.APPROVED
    assert found(account.find(declined)).answer.reason is Reason.SOFT_DECLINED
    assert isinstance(account.find(lost), Absent)
    with pytest.raises(UnknownReference):
        account.find(op(Kind.SALE, token="cus_2/pm_ok"))


def test_two_payments_with_our_key_are_for_a_person(account: Stripe, ledger: StripeLedger, op: Op) -> None:
    charge = op(Kind.SALE)
    account.charge(charge)
    ledger.kept.clear()  # as Stripe does after a day
    account.charge(charge)

    assert isinstance(account.find(charge), Ambiguous)


@pytest.mark.parametrize("kind", [Kind.REFUND, Kind.VOID, Kind.CAPTURE])
def test_a_sale_that_the_account_does_not_know_means_another_account(account: Stripe, op: Op, kind: Kind) -> None:
    with pytest.raises(UnknownReference):
        account.find(op(kind, sale="pi_999"))


def test_voids_and_captures_are_states_of_their_intent(account: Stripe, ledger: StripeLedger, op: Op) -> None:
    void = op(Kind.VOID, sale=ledger.sell("20.00", type="auth"))
    capture = op(Kind.CAPTURE, "15.00", sale=ledger.sell("20.00", type="auth"))
    assert isinstance(account.find(void), Absent)
    assert isinstance(account.find(capture), Absent)

    account.void(void)
    account.capture(capture)

    assert found(account.find(void)).answer.state is State.APPROVED
    assert found(account.find(capture)).answer.amount == 1500


@pytest.mark.parametrize("fault", [Fault(cut=0), Fault(status=500, body=b"{}"), Fault(body=b"<p>"), Fault(status=404)])
def test_a_question_without_an_answer_decides_nothing(
    account: Stripe, ledger: StripeLedger, op: Op, fault: Fault
) -> None:
    refund = op(Kind.REFUND, "8.00", sale=ledger.sell("20.00"))
    ledger.fail_next(fault, times=2, matches=lambda request: request.path == "/v1/refunds")

    with pytest.raises(Unreachable):
        account.find(refund)


def test_a_lookup_tells_settlement_returns_and_disputes(account: Stripe, ledger: StripeLedger) -> None:
    sale = ledger.sell("20.00")
    ledger.refund_outside(sale, "3.00")
    look = account.lookup(sale, Kind.SALE)
    assert (look.settlement, look.settled_at, look.refunded_total) == (Settlement.SETTLED, NOW, 300)
    assert not look.voided

    ledger.dispute(sale)
    dispute = account.lookup(sale, Kind.SALE).dispute
    assert dispute
    assert (dispute.state, dispute.amount, dispute.refundable) == (DisputeState.OPEN, 2000, False)


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


def test_the_account_says_what_it_can_do(account: Stripe) -> None:
    can = account.capabilities

    assert can.void_captured is Possible.NO
    assert can.keys_live == timedelta(hours=23)
    assert can.refund_watch == timedelta(days=30)
