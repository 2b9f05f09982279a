"""The JSON of Authorize.Net: the order of its fields, and the parts of an answer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from csctl.gateways.conformance.server import Response

_ORDER = (
    *("transactionType", "amount", "currencyCode", "payment", "profile", "solution", "callId", "terminalNumber"),
    *("authCode", "refTransId", "splitTenderId", "order", "lineItems", "tax", "duty", "shipping", "taxExempt"),
    *("poNumber", "customer", "billTo", "shipTo", "customerIP", "cardholderAuthentication", "retail", "employeeId"),
    *("transactionSettings", "userFields", "surcharge", "merchantDescriptor", "subMerchant", "tip"),
    *("processingOptions", "subsequentAuthInformation", "otherTax", "shipFrom", "authorizationIndicatorType"),
)
_INNER = {
    "profile": ("customerProfileId", "paymentProfile"),
    "order": ("invoiceNumber", "description"),
    "creditCard": ("cardNumber", "expirationDate"),
    "subsequentAuthInformation": ("originalNetworkTransId", "originalAuthAmount", "reason"),
}


def in_order(asked: Mapping[str, Any]) -> bool:
    """Whether all fields are known, and stand in the order of the schema."""
    inner = [(_INNER[name], value) for name, value in asked.items() if name in _INNER]
    if "payment" in asked:
        inner.append((_INNER["creditCard"], asked["payment"]["creditCard"]))
    return all(
        set(value) <= set(order) and list(value) == [name for name in order if name in value]
        for order, value in [(_ORDER, asked), *inner]
    )


def done(reference: str, code: str = "1", number: str = "1") -> dict[str, object]:
    return {
        "responseCode": number,
        "authCode": "ABC123",
        "transId": reference,
        "refTransID": "",
        "testRequest": "0",
        "accountNumber": "XXXX1111",
        "messages": [{"code": code, "description": "This transaction has been approved."}],
    }


def refused(code: str, number: str = "3") -> dict[str, object]:
    return {
        "responseCode": number,
        "transId": "0",
        "testRequest": "0",
        "errors": [{"errorCode": code, "errorText": f"text of {code}"}],
    }


def messages(result: str = "Ok", code: str = "I00001") -> dict[str, object]:
    return {"resultCode": result, "message": [{"code": code, "text": f"text of {code}"}]}


def error(code: str) -> Response:
    return as_json({"messages": messages("Error", code)})


def as_json(value: Mapping[str, object]) -> Response:
    # With a byte order mark, as the real one.
    return Response(json.dumps(value).encode("utf-8-sig"), headers={"Content-Type": "application/json; charset=utf-8"})


def time_of(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
