"""The cases of all gateways, at a pretend Authorize.Net."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

import pytest

from csctl.gateways.conformance import Card, Fault, HttpConformance, Request, not_offered
from csctl.gateways.operations import DisputeState
from tests.gateways.ledgers.authorizenet import KEY, LOGIN, AuthorizeNetLedger
from tests.gateways.pretend import PretendWorld

_CARDS = {
    Card.APPROVED: "10/1",
    Card.DECLINED: "10/2",
    Card.SOFT_DECLINED: "10/3",
    Card.PARTIAL: "10/5",
    Card.UNKNOWN: "99/9",
}
_APPROVED = {"responseCode": "1", "transId": "77", "testRequest": "0", "messages": [{"code": "1"}]}


def _answer(response: Mapping[str, object] | None, result: str | None = "Ok", ref_id: str = "") -> Fault:
    fields: dict[str, object] = {"refId": ref_id} if ref_id else {}
    fields |= {} if response is None else {"transactionResponse": response}
    fields |= {} if result is None else {"messages": {"resultCode": result, "message": [{"code": "I00001"}]}}
    return Fault(effect=False, body=json.dumps(fields).encode("utf-8-sig"))


_APPROVAL = _answer(_APPROVED, ref_id="another").body or b""
_STRANGE = {
    "no result": _answer(_APPROVED, None),
    "no transaction": _answer(None),
    "no messages": _answer({**_APPROVED, "messages": []}),
    "another message": _answer({**_APPROVED, "messages": [{"code": "2"}]}),
    "an error beside it": _answer({**_APPROVED, "errors": [{"errorCode": "54"}]}),
    "success under an error": _answer(_APPROVED, "Error"),
    "no reference": _answer({**_APPROVED, "transId": ""}),
    **{f"response code {code!r}": _answer({**_APPROVED, "responseCode": code}) for code in ("", "2", "7")},
    "an invented code": _answer({**_APPROVED, "responseCode": "3", "errors": [{"errorCode": "99999"}]}, "Error"),
    "approval as an error": _answer({**_APPROVED, "responseCode": "3", "errors": [{"errorCode": "1"}]}),
    "no code": _answer({**_APPROVED, "responseCode": "3", "errors": []}, "Error"),
    "a name twice": Fault(effect=False, body=_APPROVAL.replace(b'"transId"', b'"transId": "78", "transId"')),
}


class AuthorizeNetWorld(PretendWorld):
    makes = AuthorizeNetLedger
    ledger: AuthorizeNetLedger
    cards = _CARDS
    secrets = (KEY,)
    unknown = "999"
    approval = _APPROVAL
    strange = _STRANGE

    def url(self, *, right: bool) -> str:
        return f"authorizenet:{LOGIN}:{KEY if right else 'revoked-key-1'}"

    def charged(self) -> int:
        taken = ("capturedPendingSettlement", "settledSuccessfully")
        return int(100 * sum(one.amount for one in self.ledger.books.values() if one.status in taken))

    def is_voided(self, reference: str) -> bool:
        return self.ledger.books[reference].status == "voided"

    def void_outside(self, sale: str) -> None:
        self.ledger.set_status(sale, "voided")

    def bring_back(self, refund: str) -> None:
        self.ledger.set_status(refund, "returnedItem")

    def dispute(self, sale: str, state: DisputeState) -> None:
        statuses = {DisputeState.OPEN: "chargeback", DisputeState.WON: "chargebackReversal"}
        self.ledger.set_status(sale, statuses[state] if state in statuses else not_offered())

    def key_of(self, request: Request) -> str | None:
        fields = json.loads(request.body)["createTransactionRequest"]["transactionRequest"]
        return str(fields["order"]["invoiceNumber"])

    def refusal(self, text: str) -> Fault:
        errors = [{"errorCode": "2", "errorText": text}]
        return _answer({"responseCode": "2", "transId": "0", "testRequest": "0", "errors": errors}, "Error")


class TestAuthorizeNet(HttpConformance):
    @pytest.fixture
    def world(self) -> Iterator[AuthorizeNetWorld]:
        with AuthorizeNetWorld() as world:
            yield world
