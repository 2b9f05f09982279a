"""What is sent to Stripe, what its answers lead to, and what its books then say."""

from __future__ import annotations

import json
from typing import Any

import pytest

from csctl.domain.reasons import Reason
from csctl.domain.states import Kind, Settlement, State
from csctl.errors import Misconfigured
from csctl.gateways import urls
from csctl.gateways.conformance.server import Fault
from csctl.gateways.operations import Initiator
from csctl.gateways.stripe import VERSION, amounts, codes
from csctl.gateways.stripe.adapter import Stripe
from tests.gateways.ledgers.stripe import KEY, StripeLedger
from tests.gateways.operations import Op
from tests.gateways.stripe.conftest import Opener


def error(status: int, **fields: Any) -> Fault:
    body = json.dumps({"error": {"type": "invalid_request_error", "message": "text", **fields}}).encode()
    return Fault(effect=False, status=status, body=body)


def test_a_charge_names_customer_method_key_and_amount(account: Stripe, ledger: StripeLedger, op: Op) -> None:
    charge = op(Kind.SALE, order_number="#1001")

    answer = account.charge(charge)

    assert (answer.state, answer.amount, answer.currency) == (State.APPROVED, 2000, "USD")
    assert (answer.settlement, answer.livemode, answer.request_id) == (Settlement.SETTLED, False, "req_1")
    assert answer.settled_at is not None
    (request,) = ledger.wire
    assert (request.path, request.headers["idempotency-key"]) == ("/v1/payment_intents", charge.key)
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.headers["stripe-version"] == VERSION
    assert request.form == {
        "amount": "2000",
        "currency": "usd",
        "customer": "cus_1",
        "payment_method": "pm_ok",
        "confirm": "true",
        "off_session": "true",
        "error_on_requires_action": "true",
        "capture_method": "automatic",
        "metadata[csctl_key]": charge.key,
        "metadata[order]": "#1001",
        "description": "order #1001",
        "expand[]": "latest_charge",
    }


def test_a_charge_by_the_customer_is_not_off_session(account: Stripe, ledger: StripeLedger, op: Op) -> None:
    account.charge(op(Kind.SALE, initiated=Initiator.CUSTOMER))

    assert "off_session" not in ledger.wire[0].form


@pytest.mark.parametrize(
    ("method", "reason"),
    [
        ("pm_declined", Reason.DECLINED),
        ("pm_soft", Reason.SOFT_DECLINED),
        ("pm_expired", Reason.DECLINED),
        ("pm_authentication", Reason.AUTHENTICATION),
    ],
)
def test_a_charge_that_was_not_paid_is_closed(
    account: Stripe, ledger: StripeLedger, op: Op, method: str, reason: Reason
) -> None:
    answer = account.charge(op(Kind.SALE, token=f"cus_1/{method}"))

    assert (answer.state, answer.reason) == (State.DECLINED, reason)
    assert [one["status"] for one in ledger.objects.values()] == ["canceled"]
    # What is kept under a key may be the answer to an earlier state.
    assert "idempotency-key" not in ledger.wire[-1].headers


def test_a_charge_that_cannot_be_closed_stays_unknown_and_is_closed_by_asking(
    account: Stripe, ledger: StripeLedger, op: Op
) -> None:
    charge = op(Kind.SALE, token="cus_1/pm_authentication")
    ledger.fail_next(Fault(effect=False, cut=0), matches=lambda request: request.path.endswith("/cancel"))

    assert account.charge(charge).state is State.UNKNOWN
    found = account.find(charge)

    assert getattr(found, "answer", None) is not None
    assert [one["status"] for one in ledger.objects.values()] == ["canceled"]


@pytest.mark.parametrize("token", ["", "pm_1", "cus_1", "cus_1/x_1", "cus_1/pm_1/2", "cus_../pm_1", "10/1"])
def test_a_token_of_another_gateway_is_never_sent(account: Stripe, ledger: StripeLedger, op: Op, token: str) -> None:
    assert account.charge(op(Kind.SALE, token=token)).reason is Reason.REFUSED
    assert ledger.wire == []


@pytest.mark.parametrize(
    ("amount", "currency", "sent"),
    [
        (2000, "USD", 2000),
        (500, "JPY", 500),
        (5, "ISK", 500),
        (7, "UGX", 700),
        (1230, "KWD", 1230),
        (1200, "MGA", 12),
        (1234, "KWD", None),
        (1250, "MGA", None),
        (0, "USD", None),
        (-5, "USD", None),
        (10**10, "USD", None),
        (100, "XXX", None),
        (100, "USDX", None),
    ],
)
def test_amounts_are_written_as_stripe_reads_them(amount: int, currency: str, sent: int | None) -> None:
    if sent is None:
        with pytest.raises(amounts.NotWritable):
            amounts.written(amount, currency)
    else:
        assert amounts.written(amount, currency) == sent
        assert amounts.read(sent, currency) == amount


def test_a_refund_by_charge_is_one_by_charge(account: Stripe, ledger: StripeLedger, op: Op) -> None:
    ledger.fail_next(Fault(effect=False, status=500, body=b"{}"))
    account.refund(op(Kind.REFUND, "8.00", sale="ch_7"))

    assert ledger.written()[0].form["charge"] == "ch_7"


def test_a_reference_that_is_none_of_stripe_is_never_part_of_a_path(
    account: Stripe, ledger: StripeLedger, op: Op
) -> None:
    assert account.void(op(Kind.VOID, sale="../balance")).reason is Reason.REFUSED
    assert account.refund(op(Kind.REFUND, sale="40000001")).reason is Reason.REFUSED
    assert ledger.wire == []


@pytest.mark.parametrize(("amount", "reason"), [("25.00", Reason.OVER_AMOUNT), ("8.00", Reason.DISPUTED)])
def test_refusals_of_a_refund(account: Stripe, ledger: StripeLedger, op: Op, amount: str, reason: Reason) -> None:
    sale = ledger.sell("20.00")
    if reason is Reason.DISPUTED:
        ledger.dispute(sale)

    assert account.refund(op(Kind.REFUND, amount, sale=sale)).reason is reason
    assert ledger.returned(sale) == 0


@pytest.mark.parametrize(
    ("fault", "state", "reason"),
    [
        (error(400, code="amount_too_small"), State.FAILED, Reason.REFUSED),
        (error(400, code="charge_not_refundable"), State.DECLINED, Reason.NOT_REFUNDABLE),
        (error(400, code="balance_insufficient"), State.DECLINED, Reason.BALANCE),
        (error(403, code="anomalous_money_movement_request"), State.DECLINED, Reason.NOT_REFUNDABLE),
        (error(404, code="resource_missing"), State.DECLINED, Reason.UNKNOWN_REFERENCE),
        (error(404, code="livemode_mismatch"), State.DECLINED, Reason.UNKNOWN_REFERENCE),
        (error(409, code="idempotency_key_in_use"), State.UNKNOWN, None),
        (error(400, type="idempotency_error"), State.UNKNOWN, None),
        (error(400, code="lock_timeout"), State.FAILED, Reason.BUSY),
        (error(429, code="rate_limit"), State.FAILED, Reason.BUSY),
        (error(400, code="invented"), State.UNKNOWN, None),
        (error(400), State.UNKNOWN, None),
        (error(404), State.UNKNOWN, None),
    ],
)
def test_every_documented_error_of_a_refund_and_invented_ones(
    account: Stripe, ledger: StripeLedger, op: Op, fault: Fault, state: State, reason: Reason | None
) -> None:
    ledger.fail_next(fault)

    answer = account.refund(op(Kind.REFUND, "8.00", sale=ledger.sell("20.00")))

    assert (answer.state, answer.reason) == (state, reason)


@pytest.mark.parametrize("status", [401, 403])
def test_a_key_that_is_refused_is_not_an_answer(account: Stripe, ledger: StripeLedger, op: Op, status: int) -> None:
    ledger.fail_next(error(status))

    with pytest.raises(Misconfigured):
        account.refund(op(Kind.REFUND, sale=ledger.sell("20.00")))


@pytest.mark.parametrize(
    ("code", "decline", "advice", "reason"),
    [
        ("card_declined", "insufficient_funds", "", Reason.SOFT_DECLINED),
        ("card_declined", "do_not_honor", "", Reason.SOFT_DECLINED),
        ("card_declined", "do_not_honor", "do_not_try_again", Reason.DECLINED),
        ("card_declined", "lost_card", "try_again_later", Reason.SOFT_DECLINED),
        ("card_declined", "stolen_card", "", Reason.DECLINED),
        ("card_declined", "authentication_required", "", Reason.AUTHENTICATION),
        ("processing_error", "", "", Reason.SOFT_DECLINED),
        ("incorrect_number", "", "", Reason.DECLINED),
        ("card_declined", "invented", "", Reason.DECLINED),
    ],
)
def test_declines(code: str, decline: str, advice: str, reason: Reason) -> None:
    assert codes.declined(code, decline, advice) is reason


@pytest.mark.parametrize(
    ("status", "failure", "state", "reason"),
    [
        ("succeeded", None, State.APPROVED, None),
        ("pending", None, State.PENDING, None),
        ("requires_action", None, State.PENDING, None),
        ("failed", "unknown", State.FAILED, Reason.RETURNED),
        ("failed", "lost_or_stolen_card", State.FAILED, Reason.CARD_CLOSED),
        ("canceled", None, State.FAILED, Reason.NEVER_EXECUTED),
        ("invented", None, State.UNKNOWN, None),
    ],
)
def test_every_status_of_a_refund(
    account: Stripe, ledger: StripeLedger, status: str, failure: str | None, state: State, reason: Reason | None
) -> None:
    refund = ledger.refund_outside(ledger.sell("20.00"), "8.00")
    ledger.objects[refund].update(status=status, failure_reason=failure)

    answer = account.lookup(refund, Kind.REFUND).answer

    assert (answer.state, answer.reason) == (state, reason)


def test_a_key_of_another_kind_is_refused(open_account: Opener) -> None:
    for key in ("pk_live_1", "whsec_1", "sk_1", ""):
        with pytest.raises(Misconfigured):
            open_account(key)
    assert urls.parse("stripe:rk_live_1").kind == "stripe"
