"""All that changed at Stripe since the last sync, in few calls."""

from __future__ import annotations

from datetime import timedelta

from csctl.domain.reasons import Reason
from csctl.domain.states import Kind, State
from csctl.gateways.operations import Change, DisputeState
from csctl.gateways.stripe.adapter import Stripe
from tests.gateways.ledgers.stripe import StripeLedger
from tests.gateways.operations import NOW, Op
from tests.gateways.stripe.test_search import found


def _changes(account: Stripe, cursor: str | None) -> dict[str, Change]:
    return {change.reference: change for change in account.changes(cursor)}


def test_disputes_are_among_the_changes(account: Stripe, ledger: StripeLedger) -> None:
    sale = ledger.sell("20.00")
    cursor = str(int((NOW - timedelta(days=1)).timestamp()))
    ledger.dispute(sale, "lost")
    ledger.objects[sale]["metadata"] = {"csctl_key": "0" * 32}

    change = _changes(account, cursor)[sale]
    dispute = found(change.found).dispute

    assert change.key == "0" * 32
    assert dispute
    assert dispute.state is DisputeState.LOST


def test_a_cursor_that_is_older_than_the_events_falls_back_to_lists(
    account: Stripe, ledger: StripeLedger, op: Op
) -> None:
    refund = account.refund(op(Kind.REFUND, "8.00", sale=ledger.sell("20.00"))).reference or ""
    ledger.now = NOW + timedelta(days=40)
    ledger.events.clear()  # Stripe keeps them for 30 days
    ledger.objects[refund]["status"] = "failed"

    changes = _changes(account, str(int(NOW.timestamp())))

    assert found(changes[refund].found).answer.state is State.FAILED
    assert not [request for request in ledger.wire if request.path == "/v1/events"]


def _day_later(ledger: StripeLedger, days: int = 1) -> str:
    """Let days pass; the cursor of a sync that was made before."""
    cursor = str(int(ledger.time.timestamp()))
    ledger.now = ledger.time + timedelta(days=days)
    ledger.wire.clear()
    return cursor


def test_many_payments_and_refunds_take_few_calls(account: Stripe, ledger: StripeLedger) -> None:
    older = [ledger.sell("20.00") for _ in range(120)]
    refunds = [ledger._make_refund(sale, 100, {"csctl_key": f"{number:032}"}) for number, sale in enumerate(older)]
    cursor = _day_later(ledger)
    for sale, refund in zip(older, refunds, strict=True):
        ledger._event("payment_intent.succeeded", ledger.objects[sale])
        ledger._event("refund.updated", refund)
        ledger.sell("30.00")
        ledger.refund_outside(sale, "5.00")

    changes = _changes(account, cursor)

    assert len(changes) == 4 * 120
    assert found(changes[older[0]].found).refunded_total == 600
    assert len(ledger.wire) <= 20


def test_refunds_are_looked_at_once_more_when_their_watch_ends(account: Stripe, ledger: StripeLedger) -> None:
    refund = ledger._make_refund(ledger.sell("20.00"), 100, {"csctl_key": "0" * 32})["id"]
    _day_later(ledger, days=2)
    assert refund not in _changes(account, _day_later(ledger, days=27))
    cursor = _day_later(ledger, days=3)
    ledger.objects[refund]["status"] = "failed"

    assert found(_changes(account, cursor)[refund].found).answer.reason is Reason.RETURNED


def test_events_of_unknown_or_deleted_objects_are_left_out(account: Stripe, ledger: StripeLedger) -> None:
    cursor = _day_later(ledger)
    for type, shown in {
        "refund.updated": {"object": "refund", "id": "re_gone"},
        "payment_intent.succeeded": {"object": "invented", "id": "inv_1"},
        "charge.dispute.created": {"object": "dispute", "id": "dp_gone", "charge": "ch_gone"},
        "charge.refund.updated": {"object": "charge", "id": "ch_1"},
        "payment_intent.canceled": {},
    }.items():
        ledger._event(type, shown)
    ledger._add("re", "refund", payment_intent=None, charge=None, amount=1, currency="usd", status="succeeded")
    ledger._add("re", "refund", payment_intent="src_1", charge=None, amount=1, currency="usd", status="succeeded")
    sale = ledger.sell("20.00")

    assert sale in _changes(account, cursor)
