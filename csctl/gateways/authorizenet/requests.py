"""The requests of Authorize.Net. Its JSON follows a schema of XML: the order of the fields matters."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from csctl.domain.states import Kind
from csctl.gateways import decimals, tokens
from csctl.gateways.operations import Initiator, Operation, Sale

PAGE = 1000  # transactions in one answer, the maximum
WINDOW_DAYS = 30  # of one list of batches; 31 is the maximum
_DUPLICATE_WINDOW = "28800"  # seconds, the maximum: a repeated attempt is then detected by its invoice number
_KEY = 20  # the length of an invoice number
_OURS = re.compile(r"[0-9a-f]{20}", re.ASCII)
_LAST4 = re.compile(r"[0-9]{4}", re.ASCII)
_LONGEST_DESCRIPTION = 255

Fields = dict[str, object]


def key20(key: str) -> str:
    """csctl's key in the form that is sent: an invoice number has 20 characters. Used for sending and for finding."""
    return key[:_KEY]


def is_ours(invoice: str) -> bool:
    """Whether an invoice number has the form of csctl's keys."""
    return _OURS.fullmatch(invoice) is not None


def is_last4(text: str | None) -> bool:
    return _LAST4.fullmatch(text or "") is not None


def charge(op: Operation) -> Fields:
    customer, method = tokens.AUTHORIZENET.parts(op.token) or ("", "")
    fields: Fields = {
        "transactionType": "authOnlyTransaction" if op.kind is Kind.AUTHORIZE else "authCaptureTransaction",
        "amount": decimals.written(op.amount, op.currency),
        "currencyCode": op.currency,
        "profile": {"customerProfileId": customer, "paymentProfile": {"paymentProfileId": method}},
        "order": _order(op),
    }
    by_merchant = op.initiated is Initiator.MERCHANT
    # Without allowPartialAuth=false a card with too little money pays a part, which csctl does not support.
    settings = {"duplicateWindow": _DUPLICATE_WINDOW, "allowPartialAuth": "false"}
    fields["transactionSettings"] = _settings({**settings, **({"recurringBilling": "true"} if by_merchant else {})})
    if by_merchant:
        fields["processingOptions"] = {"isSubsequentAuth": "true"}
    if by_merchant and op.network_ref:
        fields["subsequentAuthInformation"] = {"originalNetworkTransId": op.network_ref}
    return fields


def capture(op: Operation, sale: Sale) -> Fields:
    return {
        "transactionType": "priorAuthCaptureTransaction",
        "amount": decimals.written(op.amount, op.currency),
        "refTransId": sale.reference,
    }


def void(reference: str) -> Fields:
    return {"transactionType": "voidTransaction", "refTransId": reference}


def refund(op: Operation, sale: Sale, last4: str) -> Fields:
    return {
        "transactionType": "refundTransaction",
        "amount": decimals.written(op.amount, op.currency),
        "currencyCode": op.currency,
        "payment": {"creditCard": {"cardNumber": last4, "expirationDate": "XXXX"}},
        "refTransId": sale.reference,
        "order": _order(op),
        "transactionSettings": _settings({"duplicateWindow": _DUPLICATE_WINDOW}),
    }


def page(number: int, size: int | None = None) -> Fields:
    """A page, newest first: transactions that arrive between pages move others to a later page, so that none is left
    out.
    """
    return {
        "sorting": {"orderBy": "submitTimeUTC", "orderDescending": "true"},
        "paging": {"limit": str(size or PAGE), "offset": str(number)},
    }


def batches(first: datetime, last: datetime) -> Fields:
    return {"firstSettlementDate": stamp(first), "lastSettlementDate": stamp(last)}


def stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _order(op: Operation) -> Fields:
    text = op.description or (f"order {op.order_number}" if op.order_number else "")
    # No other text may be the invoice number: an attempt whose answer was lost is found by it.
    return {"invoiceNumber": key20(op.key), **({"description": text[:_LONGEST_DESCRIPTION]} if text else {})}


def _settings(values: dict[str, str]) -> Fields:
    return {"setting": [{"settingName": name, "settingValue": value} for name, value in values.items()]}
