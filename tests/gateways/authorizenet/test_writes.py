"""What is sent to Authorize.Net, what its answers lead to, and what its books then say."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from importlib.resources import files

import pytest

from csctl.domain.reasons import Reason
from csctl.domain.states import Kind, Settlement, State
from csctl.errors import Misconfigured
from csctl.gateways.authorizenet import requests
from csctl.gateways.authorizenet.adapter import AuthorizeNet
from csctl.gateways.authorizenet.codes import Meaning, meaning
from csctl.gateways.conformance.server import Fault, Request
from csctl.gateways.operations import Answer, Initiator
from tests.gateways.ledgers.authorizenet import KEY, LOGIN, AuthorizeNetLedger
from tests.gateways.operations import NOW, Op


def asked(request: Request) -> dict[str, object]:
    fields: dict[str, object] = json.loads(request.body)["createTransactionRequest"]["transactionRequest"]
    return fields


def is_read(request: Request) -> bool:
    return b"createTransactionRequest" not in request.body


def test_a_charge_names_the_profiles_the_key_and_who_started_it(
    account: AuthorizeNet, ledger: AuthorizeNetLedger, op: Op
) -> None:
    charge = op(Kind.SALE, order_number="#1001", network_ref="NET-7")

    answer = account.charge(charge)

    assert (answer.state, answer.settlement, answer.code) == (State.APPROVED, Settlement.UNSETTLED, "1")
    assert answer.reference is not None
    assert answer.network_ref == f"NET{answer.reference}"
    assert ledger.books[answer.reference].amount == Decimal("20.00")
    (request,) = ledger.written()
    assert json.loads(request.body)["createTransactionRequest"] == {
        "merchantAuthentication": {"name": LOGIN, "transactionKey": KEY},
        "refId": charge.key[:20],
        "transactionRequest": {
            "transactionType": "authCaptureTransaction",
            "amount": "20.00",
            "currencyCode": "USD",
            "profile": {"customerProfileId": "10", "paymentProfile": {"paymentProfileId": "1"}},
            "order": {"invoiceNumber": charge.key[:20], "description": "order #1001"},
            "transactionSettings": {
                "setting": [
                    {"settingName": "duplicateWindow", "settingValue": "28800"},
                    {"settingName": "allowPartialAuth", "settingValue": "false"},
                    {"settingName": "recurringBilling", "settingValue": "true"},
                ]
            },
            "processingOptions": {"isSubsequentAuth": "true"},
            "subsequentAuthInformation": {"originalNetworkTransId": "NET-7"},
        },
    }


def test_a_charge_by_the_customer_is_not_said_to_be_recurring(
    account: AuthorizeNet, ledger: AuthorizeNetLedger, op: Op
) -> None:
    account.charge(op(Kind.SALE, initiated=Initiator.CUSTOMER, network_ref="NET-7"))

    text = ledger.written()[0].body.decode()
    assert "recurringBilling" not in text
    assert "isSubsequentAuth" not in text
    assert "NET-7" not in text


@pytest.mark.parametrize("token", ["", "10", "cus_1/pm_2", "10/1/2", "10/"])
def test_a_token_of_another_gateway_is_never_sent(
    account: AuthorizeNet, ledger: AuthorizeNetLedger, op: Op, token: str
) -> None:
    assert account.charge(op(Kind.SALE, token=token)).reason is Reason.REFUSED
    assert ledger.wire == []


def test_a_capture_of_more_than_was_authorized_is_refused(
    account: AuthorizeNet, ledger: AuthorizeNetLedger, op: Op
) -> None:
    sale = ledger.sell("20.00", type="auth")

    assert account.capture(op(Kind.CAPTURE, "21.00", sale=sale)).reason is Reason.OVER_AMOUNT


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ("settledSuccessfully", Reason.ALREADY_SETTLED),
        ("voided", Reason.ALREADY_VOIDED),
        ("capturedPendingSettlement", Reason.DECLINED),  # another type, or its batch is closing: nothing may follow
        ("couldNotVoid", Reason.DECLINED),
    ],
)
def test_a_void_that_is_refused_is_decided_by_a_look_at_the_sale(
    account: AuthorizeNet, ledger: AuthorizeNetLedger, op: Op, status: str, reason: Reason
) -> None:
    sale = ledger.sell("20.00", settled=True)
    ledger.set_status(sale, status)
    ledger.refuse_next("327")

    answer = account.void(op(Kind.VOID, sale=sale))

    assert (answer.state, answer.reason) == (State.DECLINED, reason)


def test_a_refund_names_the_last_four_digits_and_the_key(
    account: AuthorizeNet, ledger: AuthorizeNetLedger, op: Op
) -> None:
    sale = ledger.sell("20.00", settled=True)
    refund = op(Kind.REFUND, "8.00", sale=sale)

    answer = account.refund(refund)

    assert answer.state is State.APPROVED
    assert answer.reference not in (None, sale)
    assert ledger.returned(sale) == Decimal("8.00")
    (request,) = ledger.wire
    assert asked(request) == {
        "transactionType": "refundTransaction",
        "amount": "8.00",
        "currencyCode": "USD",
        "payment": {"creditCard": {"cardNumber": "1111", "expirationDate": "XXXX"}},
        "refTransId": sale,
        "order": {"invoiceNumber": refund.key[:20]},
        "transactionSettings": {"setting": [{"settingName": "duplicateWindow", "settingValue": "28800"}]},
    }


def _without_last4(op: Op, sale: str, text: str | None = None) -> object:
    refund = op(Kind.REFUND, "8.00", sale=sale)
    assert refund.sale
    return replace(refund, sale=replace(refund.sale, last4=text))


@pytest.mark.parametrize("text", [None, "", "411", "41111", "abcd"])
def test_last_four_digits_that_are_missing_are_asked_for(
    account: AuthorizeNet, ledger: AuthorizeNetLedger, op: Op, text: str | None
) -> None:
    sale = ledger.sell("20.00", settled=True)
    ledger.books[sale].last4 = "4242"

    answer = account.refund(_without_last4(op, sale, text))  # type: ignore[arg-type]

    assert answer.state is State.APPROVED
    assert '"cardNumber": "4242"' in ledger.written()[0].body.decode()


def test_without_last_four_digits_nothing_is_sent(account: AuthorizeNet, ledger: AuthorizeNetLedger, op: Op) -> None:
    sale = ledger.sell("20.00", settled=True)

    def refund(**changed: object) -> Answer:
        for name, value in changed.items():
            setattr(ledger.books[sale], name, value)
        return account.refund(_without_last4(op, sale))  # type: ignore[arg-type]

    assert refund(last4="").reason is Reason.REFUSED
    assert refund(bank_account=True).reason is Reason.NOT_REFUNDABLE
    ledger.fail_next(Fault(status=500, body=b""), matches=is_read)
    assert refund().reason is Reason.UNREACHABLE
    assert ledger.written() == []


@pytest.mark.parametrize(
    ("status", "days", "state", "reason"),
    [
        ("capturedPendingSettlement", 0, State.DECLINED, Reason.NOT_SETTLED),
        ("voided", 0, State.DECLINED, Reason.ALREADY_VOIDED),
        ("chargeback", 0, State.FAILED, Reason.DISPUTED),
        ("settledSuccessfully", 10, State.DECLINED, Reason.NOT_REFUNDABLE),
        ("settledSuccessfully", 130, State.DECLINED, Reason.TOO_OLD),
        ("underReview", 0, State.DECLINED, Reason.DECLINED),
    ],
)
def test_code_54_is_decided_by_asking(
    account: AuthorizeNet, ledger: AuthorizeNetLedger, op: Op, status: str, days: int, state: State, reason: Reason
) -> None:
    sale = ledger.sell("20.00", settled=status == "settledSuccessfully")
    ledger.set_status(sale, status)
    ledger.refuse_next("54")
    ledger.now = NOW + timedelta(days=days)

    answer = account.refund(op(Kind.REFUND, "8.00", sale=sale))

    assert (answer.state, answer.reason, answer.code) == (state, reason, "54")


def test_code_54_without_an_answer_to_the_question_is_a_plain_decline(
    account: AuthorizeNet, ledger: AuthorizeNetLedger, op: Op
) -> None:
    sale = ledger.sell("20.00", settled=True)
    ledger.refuse_next("54")
    ledger.fail_next(Fault(status=500, body=b""), matches=is_read)

    assert account.refund(op(Kind.REFUND, "8.00", sale=sale)).reason is Reason.DECLINED


@pytest.mark.parametrize("voided", [True, False])
def test_a_part_that_was_approved_is_voided_before_it_counts_as_declined(
    account: AuthorizeNet, ledger: AuthorizeNetLedger, op: Op, voided: bool
) -> None:
    if not voided:
        ledger.fail_next(Fault(effect=False, cut=0), matches=lambda request: b"voidTransaction" in request.body)

    answer = account.charge(op(Kind.SALE, "20.00", token="10/5"))

    assert answer.state is (State.DECLINED if voided else State.UNKNOWN)
    assert [asked(request)["transactionType"] for request in ledger.written()] == [
        "authCaptureTransaction",
        "voidTransaction",
    ]
    assert answer.reference is not None
    assert ledger.books[answer.reference].status == ("voided" if voided else "capturedPendingSettlement")


@pytest.mark.parametrize(
    "response",
    [
        {"responseCode": "1", "transId": "0", "testRequest": "0", "messages": [{"code": "1"}]},
        {"responseCode": "1", "transId": "77", "testRequest": "1", "messages": [{"code": "1"}]},
    ],
)
def test_test_mode_is_not_an_approval(
    account: AuthorizeNet, ledger: AuthorizeNetLedger, op: Op, response: dict[str, object]
) -> None:
    ledger.answer_next(response)

    with pytest.raises(Misconfigured):
        account.charge(op(Kind.SALE))


_APPROVED = {"responseCode": "1", "transId": "77", "testRequest": "0", "messages": [{"code": "1"}]}


def test_one_message_may_stand_as_an_object(account: AuthorizeNet, ledger: AuthorizeNetLedger, op: Op) -> None:
    ledger.answer_next({**_APPROVED, "messages": {"message": {"code": "1"}}})

    assert account.charge(op(Kind.SALE)).state in (State.APPROVED, State.UNKNOWN)


def _codes() -> dict[str, str]:
    text = files("csctl.gateways.authorizenet").joinpath("codes.csv").read_text()
    return {row["code"]: row["class"] for row in csv.DictReader(text.splitlines())}


def test_every_documented_code_has_a_class() -> None:
    codes = _codes()

    assert len(codes) == 463
    assert {meaning(code).value for code in codes} == {*codes.values()}
    assert meaning("99999") is Meaning.UNKNOWN
    assert meaning("") is Meaning.UNKNOWN
    # Those that decide about money. Each of them was wrong in some integration.
    expected = {
        "unknown": ("0", "19", "20", "21", "22", "23", "25", "26", "36", "52", "57", "63", "120", "122", "E00001"),
        "duplicate": ("11", "318"),
        "unknown_reference": ("15", "16", "64", "319", "E00040"),
        "over_amount": ("47", "51", "55", "2200"),
        "already_voided": ("310",),
        "already_captured": ("311",),
        "look": ("54", "327"),
        "not_settled": ("50",),
        "busy": ("E00053", "E00104", "901"),
        "misconfigured": ("13", "28", "114", "E00007", "E00009", "E00011"),
        "refused": ("5", "6", "33", "42", "E00003", "E00013"),
        "soft_declined": ("2",),
        "pending": ("193", "252", "253"),
        "partial": ("295",),
    }
    assert {code: codes[code] for code in codes if code in {one for many in expected.values() for one in many}} == {
        code: name for name, many in expected.items() for code in many
    }


def test_no_code_is_taken_for_success_and_the_unknown_ones_for_nothing_certain(
    account: AuthorizeNet, ledger: AuthorizeNetLedger, op: Op
) -> None:
    certain = (State.DECLINED, State.FAILED)
    # Refusals of a void or refund are none of a charge.
    open_ones = {"unknown", "duplicate", "envelope", "partial", "pending", "approved", "look"}
    for code, name in _codes().items():
        ledger.refuse_next(code)
        try:
            state = account.charge(op(Kind.SALE)).state
        except Misconfigured:
            assert name == "misconfigured"
            continue
        assert state is not State.APPROVED
        assert (state in certain) is (name not in open_ones)


def test_the_key_is_cut_in_one_place() -> None:
    key = "0123456789abcdef0123456789abcdef"

    assert requests.key20(key) == "0123456789abcdef0123"
    assert requests.is_ours(requests.key20(key))
