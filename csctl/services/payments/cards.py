"""Find the card to charge."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.orm import Session

from csctl.domain import ids
from csctl.errors import Conflict, NotFound
from csctl.models import Customer, PaymentMethod, Purchase, Transaction


def chosen(session: Session, customer: Customer, number: int | None) -> PaymentMethod:
    """The named payment method, or the customer's own.

    Raises NotFound for an unknown one, Conflict for another customer's, and without any card.
    """
    if number is None:
        return own(customer)
    method, name = session.get(PaymentMethod, number), ids.show("pm", number)
    if method is None:
        raise NotFound(f"there is no payment method {name}", fix=_look(customer))
    if method.customer_id != customer.id:
        raise Conflict(f"{name} is not a card of {ids.show('cus', customer.id)}", fix=_look(customer))
    refuse_disabled(method)
    return method


def refuse_disabled(method: PaymentMethod, purchase: Purchase | None = None) -> None:
    """Raises Conflict for a card that must not be charged any more."""
    if method.disabled_at:
        name = ids.show("pm", method.id)
        fix = f"csctl purchase payment-method {ids.show('pur', purchase.id)} PM" if purchase else "name another card"
        raise Conflict(f"{name} is disabled", cause=f"since {method.disabled_at:%Y-%m-%d}", fix=fix)


def own(customer: Customer) -> PaymentMethod:
    """The customer's default payment method, or the only one. Raises Conflict if there is neither."""
    methods = [method for method in customer.payment_methods if method.disabled_at is None]
    found = next((method for method in methods if method.is_default), methods[0] if len(methods) == 1 else None)
    if found is None:
        raise Conflict(
            f"{ids.show('cus', customer.id)} has no default payment method",
            cause=f"of {len(methods)} none is the default" if methods else "no card is known",
            fix="name one with --payment-method" if methods else _look(customer),
        )
    return found


def of_purchase(session: Session, purchase: Purchase, sales: Sequence[Transaction]) -> PaymentMethod:
    """The card that a purchase is billed on: its own, the customer's default, or that of its last sale."""
    if purchase.payment_method_id is not None:
        return _usable(session, purchase.payment_method_id, purchase)
    customer = purchase.order.customer
    used = [sale.payment_method_id for sale in sales if sale.is_sale and sale.payment_method_id is not None]
    if used and not any(method.is_default and not method.disabled_at for method in customer.payment_methods):
        return _usable(session, used[-1], purchase)
    return own(customer)


def _usable(session: Session, number: int, purchase: Purchase) -> PaymentMethod:
    # Never another card than the chosen one: the customer agreed to this one.
    method = session.get_one(PaymentMethod, number)
    refuse_disabled(method, purchase)
    return method


def _look(customer: Customer) -> str:
    return f"csctl customer show {ids.show('cus', customer.id)}"
