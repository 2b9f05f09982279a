"""CheckoutChamp's answers as records. Everything in them may be missing, empty or a number instead of a text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from csctl.domain.states import SALES, OrderStatus, PurchaseStatus, Settlement, State
from csctl.gateways.checkoutchamp.account import Object
from csctl.services.data.apis.listed import Listed

BILLED_BY = "checkoutchamp"
_ORDERS = {
    "COMPLETE": OrderStatus.COMPLETE,
    "PARTIAL": OrderStatus.PENDING,
    "PENDING": OrderStatus.PENDING,
    "COD_PENDING": OrderStatus.PENDING,
    "DECLINED": OrderStatus.DECLINED,
    "REFUNDED": OrderStatus.REFUNDED,
    "CANCELLED": OrderStatus.CANCELLED,
}
_PURCHASES = {status.value.upper(): status for status in PurchaseStatus} | {
    "INACTIVE": PurchaseStatus.COMPLETE,
    "CANCELED": PurchaseStatus.CANCELLED,
}
_STATES = {"SUCCESS": State.APPROVED, "HARD_DECLINE": State.DECLINED, "SOFT_DECLINE": State.DECLINED}
_ADDRESS = {
    "line1": "address1",
    "line2": "address2",
    "city": "city",
    "region": "state",
    "postal_code": "postalCode",
    "country": "country",
}


def customer(shown: Object) -> Iterator[Listed]:
    """A customer, from a query of customers or of orders."""
    values = {
        "external_id": _text(shown, "customerId"),
        "first_name": _text(shown, "firstName"),
        "last_name": _text(shown, "lastName"),
        "email": _text(shown, "emailAddress"),
        "phone": _text(shown, "phoneNumber"),
        "ip": _text(shown, "ipAddress"),
        "created_at": _text(shown, "dateCreated"),
        **{f"billing_{field}": _text(shown, name) for field, name in _ADDRESS.items()},
        **_shipping(shown),
    }
    yield _listed("customers", values)


def order(shown: Object) -> Iterator[Listed]:
    """An order with its customer, whom the query of customers may have left out, and its purchases."""
    yield from (replace(one, aside=True) for one in customer(shown))
    number, currency = _text(shown, "orderId"), _text(shown, "currencyCode") or "USD"
    yield _listed(
        "orders",
        {
            "external_id": number,
            "customer": _text(shown, "customerId"),
            "currency": currency,
            "status": _word(shown, "orderStatus", _ORDERS),
            "placed_at": _text(shown, "dateCreated"),
            **_shipping(shown),
        },
    )
    items = shown.get("items")
    for item in items.values() if isinstance(items, Mapping) else items if isinstance(items, list) else ():
        if isinstance(item, Mapping):
            yield from purchase({**item, "orderId": number})


def purchase(shown: Object) -> Iterator[Listed]:
    """A purchase, from a query of purchases or inside its order. CheckoutChamp goes on billing it."""
    found = _purchase(shown)
    if "description" not in found.values:  # a new one needs what its order may have said
        yield Listed(found.kind, {**found.values, "description": "Purchase"}, aside=True)
    yield found


def _purchase(shown: Object) -> Listed:
    words = {"status": "purchaseStatus"} if _text(shown, "purchaseStatus") else {"status": "status"}
    once, repeated = _text(shown, "price"), _text(shown, "recurringPrice")
    status = _word(shown, words["status"], _PURCHASES)
    next_bill = _text(shown, "nextBillDate")
    return _listed(
        "purchases",
        {
            "external_id": _text(shown, "purchaseId"),
            "order": _text(shown, "orderId"),
            "description": _text(shown, "name") or _text(shown, "productName"),
            "quantity": _text(shown, "qty") or "1",
            "unit_price": repeated or once or "0",
            "checkout_amount": once if repeated else "",
            "status": status,
            "cycle": _cycle(shown),
            "trial_ends_on": next_bill if status == PurchaseStatus.TRIAL else "",
            "next_bill_on": next_bill,
            "billed_by": BILLED_BY if repeated or next_bill or status != PurchaseStatus.COMPLETE else "",
        },
    )


def transaction(shown: Object, merchants: Mapping[str, str], account: str, settled_before: str) -> Iterator[Listed]:
    """A transaction at the gateway behind it: `merchants` says which account of csctl that is."""
    kind = _text(shown, "txnType").casefold()
    state = _word(shown, "responseType", _STATES)
    approved, created = state == State.APPROVED, _text(shown, "dateCreated")
    takes_money = kind in SALES
    yield _listed(
        "transactions",
        {
            "external_id": _text(shown, "transactionId"),
            "order": _text(shown, "orderId"),
            "kind": kind,
            "state": state,
            "amount": _text(shown, "totalAmount").lstrip("-"),
            "currency": _text(shown, "currencyCode") or "USD",
            "gateway": merchants.get(_text(shown, "merchantId"), account),
            "gateway_ref": _text(shown, "merchantTxnId"),
            "parent": _text(shown, "parentTxnId"),
            "settlement": Settlement.SETTLED if approved and takes_money and created < settled_before else "",
            "disputed": "true" if approved and takes_money and _text(shown, "isChargedback") in ("1", "true") else "",
            "created_at": created,
        },
    )


def _shipping(shown: Object) -> dict[str, str]:
    return {f"shipping_{field}": _text(shown, f"ship{name[0].upper()}{name[1:]}") for field, name in _ADDRESS.items()}


def _cycle(shown: Object) -> str:
    """The last one billed. CheckoutChamp counts from 0 in some answers."""
    cycle = _text(shown, "billingCycleNumber")
    return "" if cycle == "0" else cycle


def _word(shown: Object, name: str, words: Mapping[str, State | OrderStatus | PurchaseStatus]) -> str:
    """A word of csctl; one that is not known stays, and the row is refused with it."""
    text = _text(shown, name)
    known = words.get(text.upper().replace(" ", "_"))
    return known.value if known else text


def _text(shown: Object, name: str) -> str:
    value = shown.get(name)
    return str(value).strip() if isinstance(value, str | int) and not isinstance(value, bool) else ""


def _listed(kind: str, values: Mapping[str, str]) -> Listed:
    return Listed(kind, {name: str(value) for name, value in values.items() if value})
