"""A pretend Authorize.Net: its JSON on loopback, as strict about the order of fields, with books of its own."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from csctl.gateways.conformance.server import Fault, LedgerServer, Request, Response
from tests.gateways.ledgers.authorizenet_json import as_json, done, error, in_order, messages, refused, time_of

LOGIN, KEY = "shop-login-77", "anet-key-9fQ2xTb4"
_DECLINES = {"declined": "4", "soft": "2", "expired": "317", "held": "252"}


@dataclass
class Transaction:
    id: str
    type: str
    amount: Decimal
    status: str
    invoice: str
    at: datetime
    profile: str = ""
    sale: str = ""
    code: str = "1"
    batch: str = ""
    bank_account: bool = False
    last4: str = "1111"


@dataclass
class Batch:
    id: str
    at: datetime
    state: str = "settledSuccessfully"


class AuthorizeNetLedger(LedgerServer):
    """`profiles`: CUSTOMER/PAYMENT, and how each card behaves: ok, declined, soft, expired, held, part."""

    def __init__(self) -> None:
        self.key = KEY
        self.gateway_id, self.test_mode, self.reporting = "GW-565697", False, True
        self.profiles = {"10/1": "ok", "10/2": "declined", "10/3": "soft", "10/4": "held", "10/5": "part"}
        self.books: dict[str, Transaction] = {}
        self.batches: list[Batch] = []
        self.single_as_object = False  # the JSON shows a list of one as an object
        self._numbers = itertools.count(40_000_000_001)
        super().__init__()

    # -- what a test does at the gateway itself

    def sell(
        self, amount: str, *, profile: str = "10/1", invoice: str = "1001", settled: bool = False, type: str = "sale"
    ) -> str:
        """A sale (or `type="auth"`) that was not made by csctl."""
        name = "authOnlyTransaction" if type == "auth" else "authCaptureTransaction"
        status = "authorizedPendingCapture" if type == "auth" else "capturedPendingSettlement"
        sale = self._book(name, Decimal(amount), status, invoice, profile=profile)
        if settled:
            self.settle()
        return sale.id

    def settle(self, state: str = "settledSuccessfully") -> None:
        """Close the batch; one that closed this very moment takes more."""
        batch = next((one for one in self.batches if (one.at, one.state) == (self.time, state)), None)
        if batch is None:
            batch = Batch(str(900 + len(self.batches)), self.time, state)
            self.batches.append(batch)
        for one in self.books.values():
            done = {
                "capturedPendingSettlement": "settledSuccessfully",
                "refundPendingSettlement": "refundSettledSuccessfully",
            }.get(one.status)
            if done:
                one.status, one.batch = done, batch.id

    def refund_outside(self, reference: str, amount: str) -> str:
        return self._refund(self.books[reference], Decimal(amount), "by hand").id

    def set_status(self, reference: str, status: str) -> None:
        self.books[reference].status = status

    def returned(self, reference: str | None = None) -> Decimal:
        """What was paid back, of one sale or in all."""
        paid = ("refundPendingSettlement", "refundSettledSuccessfully")
        return sum(
            (one.amount for one in self.books.values() if one.status in paid and reference in (None, one.sale)),
            Decimal(0),
        )

    def answer_next(self, response: Mapping[str, object], result: str = "Ok", code: str = "I00001") -> None:
        """Let the next write do nothing and be answered with this transactionResponse."""
        body = as_json({"transactionResponse": response, "messages": messages(result, code)}).body
        self.fail_next(Fault(effect=False, body=body))

    def refuse_next(self, code: str, number: str = "3") -> None:
        """Let the next write be refused with this response reason code."""
        errors = [{"errorCode": code, "errorText": f"text of {code}"}]
        self.answer_next(
            {"responseCode": number, "transId": "0", "testRequest": "0", "errors": errors}, "Error", "E00027"
        )

    # -- the protocol

    def writes(self, request: Request) -> bool:
        return b'"createTransactionRequest"' in request.body

    def carry_out(self, request: Request) -> Response:
        ((name, fields),) = json.loads(request.body).items()
        if next(iter(fields)) != "merchantAuthentication":
            return error("E00003")
        credentials = fields["merchantAuthentication"]
        if credentials != {"name": LOGIN, "transactionKey": self.key}:
            return error("E00007")
        answers = {
            "createTransactionRequest": self._transact,
            "getTransactionDetailsRequest": self._details,
            "getUnsettledTransactionListRequest": self._unsettled,
            "getSettledBatchListRequest": self._batch_list,
            "getTransactionListRequest": self._of_batch,
            "getTransactionListForCustomerRequest": self._of_customer,
            "getMerchantDetailsRequest": self._merchant,
        }
        if name not in ("createTransactionRequest", "getMerchantDetailsRequest") and not self.reporting:
            return error("E00011")
        return answers[name](fields)

    def _transact(self, fields: dict[str, Any]) -> Response:
        asked, reference = fields["transactionRequest"], fields.get("refId", "")
        if list(fields) != ["merchantAuthentication", "refId", "transactionRequest"] or not in_order(asked):
            return error("E00003")
        if len(reference) > 20 or len(asked.get("order", {}).get("invoiceNumber", "")) > 20:
            return error("E00003")
        response = {
            "authCaptureTransaction": self._charge,
            "authOnlyTransaction": self._charge,
            "priorAuthCaptureTransaction": self._capture,
            "voidTransaction": self._void,
            "refundTransaction": self._answer_refund,
        }[asked["transactionType"]](asked)
        if response is None:
            return error("E00040")
        failed = "errors" in response
        said = messages("Error" if failed else "Ok", "E00027" if failed else "I00001")
        return as_json({"transactionResponse": response, "refId": reference, "messages": said})

    def _charge(self, asked: dict[str, Any]) -> dict[str, object] | None:
        chosen = asked["profile"]
        profile = f"{chosen['customerProfileId']}/{chosen['paymentProfile']['paymentProfileId']}"
        card = self.profiles.get(profile)
        if card is None:
            return None
        amount, invoice = Decimal(asked["amount"]), asked["order"]["invoiceNumber"]
        if original := self._duplicate(asked, invoice, amount):
            return {**refused("11"), "transId": original.id}
        hold = asked["transactionType"] == "authOnlyTransaction"
        status = "authorizedPendingCapture" if hold else "capturedPendingSettlement"
        if card in ("declined", "soft", "expired"):
            code = _DECLINES[card]
            one = self._book(asked["transactionType"], amount, "declined", invoice, profile=profile, code=code)
            return {**refused(code, "2"), "transId": one.id}
        if card == "held":
            one = self._book(asked["transactionType"], amount, "FDSPendingReview", invoice, profile=profile, code="252")
            return done(one.id, "252", number="4")
        if card == "part":
            one = self._book(asked["transactionType"], amount - 1, status, invoice, profile=profile)
            card_paid = {"requestedAmount": str(amount), "approvedAmount": str(amount - 1), "balanceOnCard": "0.00"}
            return {**done(one.id, "295", number="4"), "prePaidCard": card_paid}
        one = self._book(asked["transactionType"], amount, status, invoice, profile=profile)
        return {**done(one.id), "networkTransId": f"NET{one.id}"}

    def _capture(self, asked: dict[str, Any]) -> dict[str, object]:
        one = self.books.get(asked["refTransId"])
        if one is None:
            return refused("16")
        if one.status != "authorizedPendingCapture":
            return done(one.id, "311")
        if Decimal(asked["amount"]) > one.amount:
            return refused("47")
        one.amount, one.status = Decimal(asked["amount"]), "capturedPendingSettlement"
        return done(one.id)

    def _void(self, asked: dict[str, Any]) -> dict[str, object]:
        one = self.books.get(asked["refTransId"])
        if one is None:
            return refused("16")
        if one.status == "voided":
            return done(one.id, "310")
        if one.batch:
            return refused("327")
        one.status = "voided"
        return done(one.id)

    def _answer_refund(self, asked: dict[str, Any]) -> dict[str, object]:
        one, amount = self.books.get(asked["refTransId"]), Decimal(asked["amount"])
        invoice = asked["order"]["invoiceNumber"]
        if one is None:
            return refused("16")
        if original := self._duplicate(asked, invoice, amount):
            return {**refused("11"), "transId": original.id}
        card = asked["payment"]["creditCard"]
        if one.status != "settledSuccessfully" or card != {"cardNumber": one.last4, "expirationDate": "XXXX"}:
            return refused("54")
        if self.returned(one.id) == one.amount:
            return refused("54")
        if self.returned(one.id) + amount > one.amount:
            return refused("55")
        return done(self._refund(one, amount, invoice).id)

    # -- the books

    def _book(self, type: str, amount: Decimal, status: str, invoice: str, **more: str) -> Transaction:
        one = Transaction(str(next(self._numbers)), type, amount, status, invoice, self.time, **more)  # type: ignore[arg-type]
        self.books[one.id] = one
        return one

    def _refund(self, sale: Transaction, amount: Decimal, invoice: str) -> Transaction:
        status = "refundPendingSettlement"
        return self._book("refundTransaction", amount, status, invoice, profile=sale.profile, sale=sale.id)

    def _duplicate(self, asked: dict[str, Any], invoice: str, amount: Decimal) -> Transaction | None:
        """The same within the window that was asked for: a duplicate is one of the same invoice number too."""
        settings = {one["settingName"]: one["settingValue"] for one in asked["transactionSettings"]["setting"]}
        since = self.time - timedelta(seconds=int(settings["duplicateWindow"]))
        same = (asked["transactionType"], invoice, amount)
        alike = (one for one in self.books.values() if (one.type, one.invoice, one.amount) == same and one.at > since)
        return next((one for one in alike if one.status != "declined"), None)

    # -- reporting

    def _merchant(self, fields: dict[str, Any]) -> Response:
        return as_json(
            {
                "isTestMode": self.test_mode,
                "merchantName": "Shop",
                "gatewayId": self.gateway_id,
                "currencies": ["USD"],
                "messages": messages(),
            }
        )

    def _details(self, fields: dict[str, Any]) -> Response:
        one = self.books.get(fields["transId"])
        if one is None:
            return error("E00040")
        batch = next((batch for batch in self.batches if batch.id == one.batch), None)
        card = {"creditCard": {"cardNumber": f"XXXX{one.last4}", "expirationDate": "XXXX", "cardType": "Visa"}}
        shown: dict[str, object] = {
            "transId": one.id,
            **({"refTransId": one.sale} if one.sale else {}),
            "submitTimeUTC": time_of(one.at),
            "transactionType": one.type,
            "transactionStatus": one.status,
            "responseCode": 1 if one.code == "1" else 2,
            "responseReasonCode": int(one.code),
            "order": {"invoiceNumber": one.invoice},
            "authAmount": float(one.amount),
            "settleAmount": 0.0 if one.status == "voided" else float(one.amount),
            "payment": {"bankAccount": {"accountNumber": "XXXX1"}} if one.bank_account else card,
        }
        if batch:
            shown["batch"] = {
                "batchId": batch.id,
                "settlementTimeUTC": time_of(batch.at),
                "settlementState": batch.state,
            }
        return as_json({"transaction": shown, "messages": messages()})

    def _unsettled(self, fields: dict[str, Any]) -> Response:
        return self._list([one for one in self.books.values() if not one.batch], fields)

    def _of_batch(self, fields: dict[str, Any]) -> Response:
        return self._list([one for one in self.books.values() if one.batch == fields["batchId"]], fields)

    def _of_customer(self, fields: dict[str, Any]) -> Response:
        profile = f"{fields['customerProfileId']}/{fields['customerPaymentProfileId']}"
        if profile not in self.profiles:
            return error("E00040")
        return self._list([one for one in self.books.values() if one.profile == profile], fields)

    def _batch_list(self, fields: dict[str, Any]) -> Response:
        first, last = (datetime.fromisoformat(fields[f"{name}SettlementDate"]) for name in ("first", "last"))
        if last - first > timedelta(days=31):
            return error("E00003")
        found = [
            {"batchId": one.id, "settlementTimeUTC": time_of(one.at), "settlementState": one.state}
            for one in self.batches
            if first <= one.at <= last
        ]
        if not found:
            return as_json({"messages": messages("Ok", "I00004")})
        return as_json({"batchList": found, "messages": messages()})

    def _list(self, found: list[Transaction], fields: dict[str, Any]) -> Response:
        limit, offset = int(fields["paging"]["limit"]), int(fields["paging"]["offset"])
        if limit > 1000 or list(fields)[-2:] != ["sorting", "paging"]:
            return error("E00003")
        shown: Any = [
            {
                "transId": one.id,
                "submitTimeUTC": time_of(one.at),
                "transactionStatus": one.status,
                "invoiceNumber": one.invoice,
                "accountNumber": f"XXXX{one.last4}",
                "settleAmount": float(one.amount),
            }
            for one in found[::-1][(offset - 1) * limit : offset * limit]
        ]
        if not shown:
            return as_json({"messages": messages("Ok", "I00004")})
        if self.single_as_object and len(shown) == 1:
            shown = {"transaction": shown[0]}
        return as_json({"transactions": shown, "totalNumInResultSet": len(shown), "messages": messages()})
