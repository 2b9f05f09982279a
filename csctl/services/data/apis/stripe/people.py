"""Customers of Stripe, and their payment methods."""

from __future__ import annotations

from collections.abc import Iterator

from csctl.gateways.stripe.account import Object, child, children, id_of, text
from csctl.services.data.apis.listed import Listed
from csctl.services.data.apis.stripe.values import address, given, person, shipping, when, whole


def customer(shown: Object) -> Iterator[Listed]:
    """A customer; none of a deleted one."""
    if shown.get("deleted") is True or not text(shown, "id"):
        return
    values = given(
        external_id=text(shown, "id"),
        email=text(shown, "email"),
        phone=text(shown, "phone") or text(child(shown, "shipping"), "phone"),
        created_at=when(shown, "created"),
    )
    yield Listed(
        "customers",
        values | person(text(shown, "name")) | address("billing", child(shown, "address")) | shipping(shown),
    )


def payer(charge: Object) -> Listed:
    """Who paid without being a customer, one for each email, else for each payment; and a customer who was deleted."""
    details = child(charge, "billing_details")
    email = text(details, "email") or text(charge, "receipt_email")
    values = given(external_id=id_of(charge, "customer") or guest_id(charge), email=email, phone=text(details, "phone"))
    return Listed("customers", values | person(text(details, "name")) | address("billing", child(details, "address")))


def guest_id(charge: Object) -> str:
    email = text(child(charge, "billing_details"), "email") or text(charge, "receipt_email")
    return f"guest {email.lower() or id_of(charge, 'payment_intent') or text(charge, 'id')}"


def methods(customer: Object, listed: list[Object], account: str) -> Iterator[Listed]:
    """The payment methods of a customer, and the sources of old accounts that are none of them."""
    number = text(customer, "id")
    default = id_of(child(customer, "invoice_settings"), "default_payment_method") or id_of(customer, "default_source")
    sources = [one for one in children(child(customer, "sources"), "data") if text(one, "object") in ("card", "source")]
    for method in {text(one, "id"): one for one in [*sources, *listed]}.values():
        yield _method(method, number, account, is_default=text(method, "id") == default)


def _method(shown: Object, customer: str, account: str, *, is_default: bool) -> Listed:
    """Of a card its brand and last digits; of anything else what it is."""
    kind = text(shown, "type")
    card = child(shown, "card") or (shown if text(shown, "object") == "card" else {})
    details = card or child(shown, kind)
    first = text(card, "iin")
    return Listed(
        "payment-methods",
        given(
            external_id=text(shown, "id"),
            customer=customer,
            gateway=account,
            token=f"{customer}/{text(shown, 'id')}",
            brand=text(card, "brand").lower() or kind,
            bin=first if first.isdigit() else None,
            last4=text(details, "last4"),
            exp_month=whole(card, "exp_month"),
            exp_year=whole(card, "exp_year"),
            default="true" if is_default else None,
        ),
    )
