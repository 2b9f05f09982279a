"""Finding attempts whose answer was lost, and all that changed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from csctl.domain.reasons import Reason
from csctl.domain.states import Kind, State
from csctl.errors import Misconfigured, Unreachable
from csctl.gateways.authorizenet import requests
from csctl.gateways.authorizenet.adapter import AuthorizeNet
from csctl.gateways.conformance.server import Fault, Request
from csctl.gateways.operations import Ambiguous, Found
from tests.gateways.authorizenet.conftest import Opener
from tests.gateways.ledgers.authorizenet import AuthorizeNetLedger
from tests.gateways.operations import NOW, Op


def found(result: object) -> Found:
    assert isinstance(result, Found)
    return result


def asks(name: str) -> object:
    return lambda request: name.encode() in request.body


def test_batches_are_looked_through_from_the_day_it_was_sent_on(
    account: AuthorizeNet, ledger: AuthorizeNetLedger, op: Op
) -> None:
    refund = op(Kind.REFUND, "8.00", sale=ledger.sell("20.00", settled=True))
    account.refund(refund)
    for day in range(1, 80):  # more than one list of batches may span
        ledger.now = NOW + timedelta(days=day)
        ledger.settle()

    assert found(account.find(refund)).answer.state is State.APPROVED


def test_a_refund_among_more_than_a_page_is_found(
    account: AuthorizeNet, ledger: AuthorizeNetLedger, op: Op, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requests, "PAGE", 10)
    sale = ledger.sell("200.00", settled=True)
    refund = op(Kind.REFUND, "8.00", sale=sale)
    account.refund(refund)
    for _ in range(25):
        ledger.refund_outside(sale, "1.00")

    assert found(account.find(refund)).answer.state is State.APPROVED


def test_our_key_on_another_sale_is_for_a_person(account: AuthorizeNet, ledger: AuthorizeNetLedger, op: Op) -> None:
    sale, other = ledger.sell("20.00", settled=True), ledger.sell("20.00", settled=True)
    refund = op(Kind.REFUND, "8.00", sale=sale)
    account.refund(replace(refund, sale=replace(refund.sale, reference=other)))  # type: ignore[type-var]

    assert isinstance(account.find(refund), Ambiguous)


def test_reporting_that_is_switched_off_is_a_problem_of_the_account(
    account: AuthorizeNet, ledger: AuthorizeNetLedger, op: Op
) -> None:
    refund = op(Kind.REFUND, "8.00", sale=ledger.sell("20.00", settled=True))
    ledger.reporting = False

    with pytest.raises(Misconfigured) as caught:
        account.find(refund)
    assert "Transaction Details API" in (caught.value.fix or "")
    assert "Transaction Details API" in account.check()[0].fix


@pytest.mark.parametrize(
    ("status", "sale", "refund"),
    [
        ("authorizedPendingCapture", State.APPROVED, State.APPROVED),
        ("capturedPendingSettlement", State.APPROVED, State.APPROVED),
        ("updatingSettlement", State.APPROVED, State.APPROVED),
        ("settledSuccessfully", State.APPROVED, State.APPROVED),
        ("refundSettledSuccessfully", State.APPROVED, State.APPROVED),
        ("voided", State.APPROVED, State.FAILED),
        ("declined", State.DECLINED, State.DECLINED),
        ("expired", State.DECLINED, State.DECLINED),
        ("failedReview", State.DECLINED, State.DECLINED),
        ("generalError", State.UNKNOWN, State.UNKNOWN),
        ("couldNotVoid", State.UNKNOWN, State.UNKNOWN),
        ("settlementError", State.FAILED, State.FAILED),
        ("returnedItem", State.FAILED, State.FAILED),
        ("underReview", State.PENDING, State.PENDING),
        ("FDSAuthorizedPendingReview", State.PENDING, State.PENDING),
        ("approvedReview", State.PENDING, State.PENDING),
        ("chargeback", State.APPROVED, State.APPROVED),
        ("inventedStatus", State.UNKNOWN, State.UNKNOWN),
    ],
)
def test_every_status_of_a_sale_and_of_a_refund(
    account: AuthorizeNet, ledger: AuthorizeNetLedger, status: str, sale: State, refund: State
) -> None:
    reference = ledger.sell("20.00")
    ledger.set_status(reference, status)

    assert account.lookup(reference, Kind.SALE).answer.state is sale
    assert account.lookup(reference, Kind.REFUND).answer.state is refund


def test_a_refund_that_was_taken_back_or_not_settled_was_not_paid(
    account: AuthorizeNet, ledger: AuthorizeNetLedger, op: Op
) -> None:
    refund = account.refund(op(Kind.REFUND, "8.00", sale=ledger.sell("20.00", settled=True))).reference or ""
    ledger.set_status(refund, "voided")
    assert account.lookup(refund, Kind.REFUND).answer.reason is Reason.NEVER_EXECUTED

    ledger.set_status(refund, "refundPendingSettlement")
    ledger.settle("settlementError")
    answer = account.lookup(refund, Kind.REFUND).answer
    assert (answer.state, answer.reason) == (State.FAILED, Reason.RETURNED)


def test_changes_bring_the_unsettled_and_then_each_batch(
    account: AuthorizeNet, ledger: AuthorizeNetLedger, op: Op
) -> None:
    old, refunded = ledger.sell("20.00"), ledger.sell("30.00")
    ledger.settle()
    ours = op(Kind.REFUND, "8.00", sale=refunded)
    account.refund(ours)
    theirs = ledger.refund_outside(refunded, "5.00")
    ledger.now = NOW + timedelta(days=1)
    ledger.settle()
    new, voided = ledger.sell("20.00"), ledger.sell("20.00")
    ledger.set_status(voided, "voided")
    ledger.wire.clear()

    changes = list(account.changes(None))

    by_reference = {change.reference: change for change in changes}
    assert {change.reference for change in changes[:2]} == {new, voided}
    assert found(by_reference[old].found).settled_at == NOW
    assert found(by_reference[voided].found).voided
    assert by_reference[theirs].sale_reference == refunded  # one look at its details
    assert by_reference[theirs].kind is Kind.REFUND
    assert {change.key for change in changes if change.kind is Kind.REFUND} == {ours.key[:20], "by hand"}
    assert changes[-1].cursor == "2026-03-03T09:00:00Z"
    assert len(ledger.wire) == 6  # unsettled, voided, batches, two of them, the refund by hand


def test_the_cursor_moves_with_whole_batches_and_overlaps(account: AuthorizeNet, ledger: AuthorizeNetLedger) -> None:
    first = [ledger.sell("20.00"), ledger.sell("30.00")]
    ledger.settle()
    ledger.now = NOW + timedelta(days=3)
    second = ledger.sell("40.00")
    ledger.settle()

    changes = list(account.changes("2026-03-01T00:00:00Z"))

    assert [change.cursor for change in changes] == [
        "2026-03-01T00:00:00Z",
        "2026-03-02T09:00:00Z",
        "2026-03-05T09:00:00Z",
    ]
    again = list(account.changes("2026-03-05T09:00:00Z"))
    assert [change.reference for change in again] == [second]
    assert len(list(account.changes("2026-03-02T09:00:00Z"))) == len([*first, second])


def test_a_first_look_at_many_sales_takes_few_calls(account: AuthorizeNet, ledger: AuthorizeNetLedger) -> None:
    for number in range(2500):
        ledger.sell("20.00", invoice=str(number))
    ledger.settle()

    assert sum(1 for _ in account.changes(None)) == 2500
    assert len(ledger.wire) <= 6


@pytest.mark.parametrize("single", [False, True], ids=["list", "object"])
def test_a_list_of_one_may_be_an_object(account: AuthorizeNet, ledger: AuthorizeNetLedger, single: bool) -> None:
    ledger.single_as_object = single
    sale = ledger.sell("20.00")

    assert [change.reference for change in account.changes(None)] == [sale]


def test_the_account_tells_its_id_and_whether_money_moves(
    account: AuthorizeNet, open_account: Opener, ledger: AuthorizeNetLedger
) -> None:
    identity = account.identity()

    assert (identity.account, identity.livemode) == ("GW-565697", False)
    assert account.check() == []
    assert ledger.written() == []
    with pytest.raises(Misconfigured):
        open_account("revoked-key-1").identity()
    assert len(open_account("revoked-key-1").check()) == 1


def test_an_account_without_an_id_is_not_believed(account: AuthorizeNet, ledger: AuthorizeNetLedger) -> None:
    ledger.gateway_id = ""

    with pytest.raises(Unreachable):
        account.identity()


def _is_read(request: Request) -> bool:
    return b"createTransactionRequest" not in request.body


def test_details_of_another_transaction_are_not_believed(account: AuthorizeNet, ledger: AuthorizeNetLedger) -> None:
    sale, other = ledger.sell("20.00"), ledger.sell("30.00")
    account.lookup(other, Kind.SALE)
    ledger.fail_next(
        Fault(
            body=b'{"transaction": {"transId": "1", "transactionStatus": "voided"},'
            b' "messages": {"resultCode": "Ok", "message": []}}'
        ),
        matches=_is_read,
    )

    with pytest.raises(Unreachable):
        account.lookup(sale, Kind.SALE)
