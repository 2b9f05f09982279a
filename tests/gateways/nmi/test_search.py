"""Finding attempts whose answer was lost, and all that changed."""

from __future__ import annotations

from datetime import timedelta

import pytest

from csctl.domain.states import Kind, Settlement, State
from csctl.errors import Unreachable
from csctl.gateways.conformance.server import Fault
from csctl.gateways.nmi import requests
from csctl.gateways.nmi.adapter import Nmi
from csctl.gateways.operations import Absent, Ambiguous, Found, Possible
from tests.gateways.ledgers.nmi import NmiLedger
from tests.gateways.operations import NOW, Op


def found(result: object) -> Found:
    assert isinstance(result, Found)
    return result


def test_absence_is_not_believed_before_queries_show_what_was_done(account: Nmi, ledger: NmiLedger, op: Op) -> None:
    refund = op(Kind.REFUND, "8.00", sale=ledger.sell("20.00", settled=True))
    ledger.lag = timedelta(hours=1)
    account.refund(refund)

    # The refund's own transaction does not show yet, but the sale's action does: not absent.
    assert isinstance(account.find(refund), Ambiguous)
    assert account.capabilities.absence_final_after[Kind.REFUND] >= timedelta(hours=4)
    ledger.now = NOW + timedelta(hours=2)
    assert found(account.find(refund)).answer.state is State.APPROVED


def test_a_refund_of_the_same_amount_without_our_key_is_for_a_person(account: Nmi, ledger: NmiLedger, op: Op) -> None:
    sale = ledger.sell("20.00", settled=True)
    ledger.now = NOW - timedelta(hours=1)
    ledger.refund_outside(sale, "8.00")
    ledger.now = NOW
    refund = op(Kind.REFUND, "8.00", sale=sale)
    assert isinstance(account.find(refund), Absent)  # it was made long before ours was sent

    ledger.refund_outside(sale, "8.00")

    assert isinstance(account.find(refund), Ambiguous)


def test_a_sale_with_our_key_is_not_taken_for_the_refund(account: Nmi, ledger: NmiLedger, op: Op) -> None:
    refund = op(Kind.REFUND, "8.00", sale=ledger.sell("20.00", settled=True))
    ledger.sell("20.00", order_id=refund.key)

    assert isinstance(account.find(refund), Ambiguous)


@pytest.mark.parametrize(
    "body",
    [
        b'<!DOCTYPE x [<!ENTITY a "aaaa">]><nm_response>&a;</nm_response>',
        b"<nm_response><transaction><transaction_id>1</transaction_id></transaction></nm_response>",
        b"<other/>",
        b"{}",
    ],
)
def test_xml_that_is_not_an_answer_is_refused(account: Nmi, ledger: NmiLedger, body: bytes) -> None:
    ledger.fail_next(Fault(body=body), matches=lambda request: True)

    with pytest.raises(Unreachable):
        account.lookup("1", Kind.SALE)


@pytest.mark.parametrize(
    ("condition", "state"),
    [
        ("pending", State.APPROVED),  # an authorization that waits for its capture
        ("in_progress", State.PENDING),
        ("abandoned", State.FAILED),
        ("cancelled", State.APPROVED),  # voided: the charge itself was approved
        ("unknown", State.UNKNOWN),
        ("invented", State.UNKNOWN),
    ],
)
def test_every_condition_of_an_authorization(account: Nmi, ledger: NmiLedger, condition: str, state: State) -> None:
    reference = ledger.sell("20.00", type="auth")
    ledger.books[reference].condition = condition

    assert account.lookup(reference, Kind.AUTHORIZE).answer.state is state


def test_changes_bring_everything_since_the_cursor_once_a_page(
    account: Nmi, ledger: NmiLedger, op: Op, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requests, "PAGE", 3)
    sales = [ledger.sell("20.00", order_id=f"shop-{number}") for number in range(7)]

    changes = list(account.changes(None))

    assert [change.reference for change in changes] == sales
    assert len(ledger.wire) == 3
    assert {change.cursor for change in changes[:-1]} != {changes[-1].cursor}  # it moves at the end alone

    ledger.now = NOW + timedelta(days=1)
    ledger.settle()
    account.refund(refund := op(Kind.REFUND, "8.00", sale=sales[0]))
    again = {change.reference: change for change in account.changes(changes[-1].cursor)}
    assert found(again[sales[1]].found).settlement is Settlement.SETTLED
    assert refund.key in {change.key for change in again.values() if change.kind is Kind.REFUND}


@pytest.mark.parametrize("first_page", [0, 1])
def test_pages_may_be_counted_from_0_or_1(
    account: Nmi, ledger: NmiLedger, monkeypatch: pytest.MonkeyPatch, first_page: int
) -> None:
    monkeypatch.setattr(requests, "PAGE", 2)
    ledger.first_page = first_page
    sales = [ledger.sell("20.00") for _ in range(5)]

    assert [change.reference for change in account.changes(None)] == sales


def test_a_first_look_at_many_sales_takes_few_calls(account: Nmi, ledger: NmiLedger) -> None:
    for number in range(1000):
        ledger.sell("20.00", order_id=f"shop-{number}")

    assert sum(1 for _ in account.changes(None)) == 1000
    assert len(ledger.wire) <= 5


def test_what_csctl_does_not_know_is_left_out(account: Nmi, ledger: NmiLedger) -> None:
    ledger.sell("20.00", type="credit")

    assert list(account.changes(None)) == []


def test_the_account_says_what_it_can_do(account: Nmi) -> None:
    can = account.capabilities

    assert can.keys_live is None
    assert not can.resend_after_absence
    assert can.refund_unsettled is Possible.ASK
    assert can.changes


@pytest.mark.parametrize(
    ("condition", "state"),
    [
        ("pending", State.PENDING),
        ("in_progress", State.PENDING),
        ("pendingsettlement", State.APPROVED),
        ("complete", State.APPROVED),
        ("canceled", State.FAILED),
        ("abandoned", State.FAILED),
        ("failed", State.FAILED),  # it had been approved
        ("unknown", State.UNKNOWN),
        ("invented", State.UNKNOWN),
    ],
)
def test_every_condition_of_a_refund(account: Nmi, ledger: NmiLedger, condition: str, state: State) -> None:
    reference = ledger.refund_outside(ledger.sell("20.00", settled=True), "8.00")
    ledger.books[reference].condition = condition

    assert account.lookup(reference, Kind.REFUND).answer.state is state
