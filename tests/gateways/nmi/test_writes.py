"""What is sent to NMI, what its answers lead to, and what its books then say."""

from __future__ import annotations

from decimal import Decimal

import pytest

from csctl.domain.reasons import Reason
from csctl.domain.states import Kind, State
from csctl.errors import Misconfigured
from csctl.gateways.conformance.server import Fault
from csctl.gateways.nmi import codes
from csctl.gateways.nmi.adapter import Nmi
from csctl.gateways.operations import Initiator
from tests.gateways.ledgers.nmi import KEY, NmiLedger
from tests.gateways.operations import Op

_SOFT = ("200", "201", "202", "203", "240", "260", "264")


def test_a_charge_names_the_vault_the_key_and_who_started_it(account: Nmi, ledger: NmiLedger, op: Op) -> None:
    charge = op(Kind.SALE, "20.00", token="1001/7", order_number="#1001", network_ref="net-1")

    answer = account.charge(charge)

    assert (answer.state, answer.reason) == (State.APPROVED, None)
    assert answer.reference is not None
    assert ledger.books[answer.reference].amount == Decimal("20.00")
    (request,) = ledger.written()
    assert request.form == {
        "security_key": KEY,
        "type": "sale",
        "customer_vault_id": "1001",
        "billing_id": "7",
        "amount": "20.00",
        "currency": "USD",
        "orderid": charge.key,
        "order_description": "order #1001",
        "initiated_by": "merchant",
        "stored_credential_indicator": "used",
        "billing_method": "recurring",
        "initial_transaction_id": "net-1",
    }


def test_a_charge_by_the_customer_is_not_said_to_be_recurring(account: Nmi, ledger: NmiLedger, op: Op) -> None:
    account.charge(op(Kind.SALE, initiated=Initiator.CUSTOMER))

    form = ledger.written()[0].form
    assert form["initiated_by"] == "customer"
    assert "billing_method" not in form


@pytest.mark.parametrize("token", ["", "a b", "1/2/3", "pm_1?x=2", "1001/"])
def test_a_token_of_another_gateway_is_never_sent(account: Nmi, ledger: NmiLedger, op: Op, token: str) -> None:
    answer = account.charge(op(Kind.SALE, token=token))

    assert (answer.state, answer.reason) == (State.FAILED, Reason.REFUSED)
    assert ledger.wire == []


def test_a_void_of_a_bank_account_says_so(account: Nmi, ledger: NmiLedger, op: Op) -> None:
    from dataclasses import replace

    void = op(Kind.VOID, sale=ledger.sell("20.00"))
    assert void.sale
    account.void(replace(void, sale=replace(void.sale, method_type="check")))

    assert ledger.written()[0].form["payment"] == "check"


def test_a_refused_void_does_not_allow_a_refund_unless_the_sale_has_settled(
    account: Nmi, ledger: NmiLedger, op: Op
) -> None:
    sale = ledger.sell("20.00", settled=True)
    ledger.fail_next(Fault(status=500, body=b"down"), matches=lambda request: not ledger.writes(request))

    answer = account.void(op(Kind.VOID, sale=sale))

    assert (answer.state, answer.reason) == (State.DECLINED, Reason.DECLINED)


def test_an_unsettled_sale_is_refunded_where_the_account_takes_it(account: Nmi, ledger: NmiLedger, op: Op) -> None:
    sale = ledger.sell("20.00")
    ledger.refunds_unsettled = True

    assert account.refund(op(Kind.REFUND, "8.00", sale=sale)).state is State.APPROVED


def test_a_refusal_that_is_not_known_stays_unknown(account: Nmi, ledger: NmiLedger, op: Op) -> None:
    sale = ledger.sell("20.00")  # not settled, and the account does not refund such

    answer = account.refund(op(Kind.REFUND, "8.00", sale=sale))

    assert answer.state is State.UNKNOWN
    assert answer.message is not None


def test_equal_refunds_within_minutes_are_never_taken_for_success(account: Nmi, ledger: NmiLedger, op: Op) -> None:
    sale = ledger.sell("20.00", settled=True)
    ledger.duplicate_seconds = 1200

    first = account.refund(op(Kind.REFUND, "8.00", sale=sale))
    second = account.refund(op(Kind.REFUND, "8.00", sale=sale))

    assert first.state is State.APPROVED
    assert (second.state, second.reason) == (State.UNKNOWN, Reason.DUPLICATE)
    assert ledger.returned(sale) == Decimal("8.00")


@pytest.mark.parametrize("voided", [True, False])
def test_a_part_that_was_approved_is_voided_before_it_counts_as_declined(
    account: Nmi, ledger: NmiLedger, op: Op, voided: bool
) -> None:
    if not voided:
        ledger.fail_next(Fault(effect=False, cut=0), matches=lambda request: request.form.get("type") == "void")

    answer = account.charge(op(Kind.SALE, "20.00", token="1004"))

    assert answer.state is (State.DECLINED if voided else State.UNKNOWN)
    assert [request.form["type"] for request in ledger.written()] == ["sale", "void"]
    assert answer.reference is not None
    assert ledger.books[answer.reference].condition == ("canceled" if voided else "pendingsettlement")


@pytest.mark.parametrize(
    ("response", "code", "state", "reason"),
    [
        *(
            ("2", code, State.DECLINED, Reason.SOFT_DECLINED)
            for code in ("200", "201", "202", "203", "240", "260", "264")
        ),
        *(("2", code, State.DECLINED, Reason.DECLINED) for code in ("204", "220", "221", "222", "223", "224", "225")),
        *(("2", code, State.DECLINED, Reason.DECLINED) for code in ("250", "251", "252", "253", "261", "262", "263")),
        *(("3", code, State.UNKNOWN, None) for code in ("400", "420", "421")),
        ("3", "430", State.UNKNOWN, Reason.DUPLICATE),
        *(("3", code, State.FAILED, Reason.REFUSED) for code in ("440", "441", "460", "461")),
        # What is not documented, and what contradicts itself.
        *((response, "999", State.UNKNOWN, None) for response in ("1", "2", "3", "4")),
        ("2", "100", State.UNKNOWN, None),
        ("3", "100", State.UNKNOWN, None),
        ("1", "202", State.UNKNOWN, None),
        ("3", "202", State.UNKNOWN, None),
        ("3", "", State.UNKNOWN, Reason.ANSWER_LOST),
        ("", "100", State.UNKNOWN, Reason.ANSWER_LOST),
    ],
)
def test_every_documented_code_and_invented_ones(
    account: Nmi, ledger: NmiLedger, op: Op, response: str, code: str, state: State, reason: Reason | None
) -> None:
    ledger.fail_next(
        Fault(effect=False, body=f"response={response}&responsetext=TEXT&transactionid=5&response_code={code}".encode())
    )

    answer = account.charge(op(Kind.SALE))

    assert (answer.state, answer.reason) == (state, reason)


@pytest.mark.parametrize("code", ["410", "411"])
def test_codes_of_the_account_stop_the_run(account: Nmi, ledger: NmiLedger, op: Op, code: str) -> None:
    ledger.refuse_next("Transaction denied by configuration", code)

    with pytest.raises(Misconfigured):
        account.charge(op(Kind.SALE))


@pytest.mark.parametrize(
    ("kind", "text", "known"),
    [
        (Kind.REFUND, "Transaction not found REFID:1", True),
        (Kind.REFUND, "TRANSACTION NOT FOUND", True),
        (Kind.REFUND, "Transaction not found in the archive", False),  # the whole phrase, not a part of it
        (Kind.SALE, "Transaction not found", False),  # known on another operation only
        (Kind.REFUND, "Only transactions pending settlement can be voided", False),
        (Kind.VOID, "Refund amount may not exceed the transaction balance", False),
    ],
)
def test_texts_count_as_a_whole_and_on_their_operation(kind: Kind, text: str, known: bool) -> None:
    assert (codes.meaning("3", "300", text, kind)[0] is not codes.Meaning.UNKNOWN) is known


@pytest.mark.parametrize("response", [("2", "300"), ("3", "400"), ("1", "300")])
def test_texts_count_with_code_300_of_an_error_only(response: tuple[str, str]) -> None:
    assert codes.meaning(*response, "Transaction not found", Kind.REFUND)[0] is codes.Meaning.UNKNOWN
