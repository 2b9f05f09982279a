"""Find operations at Stripe: by id, and by csctl's key in the metadata."""

from __future__ import annotations

from datetime import timedelta

from csctl.domain.states import Kind, State
from csctl.gateways import tokens
from csctl.gateways.asking import NoRecord, one_of
from csctl.gateways.operations import Absent, Ambiguous, Dispute, Found, Operation
from csctl.gateways.protocol import UnknownReference
from csctl.gateways.stripe import objects, requests
from csctl.gateways.stripe.account import Account, Fields, Object, child, seconds, text

_SKEW = timedelta(minutes=10)  # csctl's clock and Stripe's may differ
_EXPANDED: Fields = [("expand[]", "latest_charge")]


def sale(account: Account, reference: str) -> Object:
    """A payment intent or charge. Raises UnknownReference, Misconfigured, Unreachable."""
    if requests.is_charge(reference):
        return _object(account, "charges", reference, ())
    return _object(account, "payment_intents", reference, _EXPANDED)


def lookup(account: Account, reference: str, kind: Kind) -> Found:
    """Raises UnknownReference, Misconfigured, Unreachable."""
    if reference.startswith(("re_", "pyr_")):
        return objects.refund(_object(account, "refunds", reference, ()))
    shown = sale(account, reference)
    if requests.is_charge(reference):
        return objects.charge_found(shown, dispute_of(account, shown))
    return objects.intent_found(shown, kind, dispute_of(account, shown))


def find(account: Account, op: Operation) -> Found | Absent | Ambiguous:
    """Find an attempt. The sale or customer is read first: if it does not exist, it is the wrong account."""
    if op.sale is None:
        return _find_charge(account, op)
    found = lookup(account, op.sale.reference, op.kind)
    if op.kind is Kind.REFUND:
        name = "charge" if requests.is_charge(op.sale.reference) else "payment_intent"
        listed = account.pages("/v1/refunds", [(name, op.sale.reference)])
        ours = [one for one in listed if objects.key_of(one) == op.key]
        if not all(objects.is_refund_of(one, op) for one in ours):
            return Ambiguous(tuple(text(one, "id") for one in ours))
        return one_of([objects.refund(one) for one in ours]) or Absent("all refunds of the payment")
    if op.kind is Kind.VOID:
        return found if found.answer.state is State.APPROVED else Absent("the payment intent")
    return found if found.captured and found.answer.state is not State.FAILED else Absent("the payment intent")


def _find_charge(account: Account, op: Operation) -> Found | Absent | Ambiguous:
    customer, _ = tokens.STRIPE.parts(op.token) or ("", "")
    try:
        account.get(f"/v1/customers/{customer}")
    except NoRecord:
        raise UnknownReference(customer) from None
    window = [
        ("customer", customer),
        ("created[gte]", seconds(op.sent_at - _SKEW)),
        ("expand[]", "data.latest_charge"),
    ]
    listed = account.pages("/v1/payment_intents", window)
    ours = [one for one in listed if objects.key_of(one) == op.key]
    found = one_of([objects.intent_found(one, op.kind, None) for one in ours])
    return found or Absent("the customer's payments since it was sent")


def _object(account: Account, kind: str, reference: str, query: Fields) -> Object:
    if not requests.is_reference(reference):
        raise UnknownReference(reference)
    try:
        shown = account.get(f"/v1/{kind}/{reference}", query)
    except NoRecord:
        raise UnknownReference(reference) from None
    if text(shown, "id") != reference:
        raise UnknownReference(reference, "the gateway answered with another object")
    return shown


def dispute_of(account: Account, shown: Object) -> Dispute | None:
    """The dispute of a payment intent or charge that is marked as disputed, the newest of several."""
    charge = child(shown, "latest_charge") or shown
    if charge.get("disputed") is not True:
        return None
    name = "payment_intent" if text(shown, "object") == "payment_intent" else "charge"
    newest = next(account.pages("/v1/disputes", [(name, text(shown, "id"))]), None)
    return objects.dispute(newest) if newest else None
