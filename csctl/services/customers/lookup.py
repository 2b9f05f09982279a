"""Customers as listings show them, and how one is named."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from csctl.domain import ids
from csctl.domain.addresses import Address
from csctl.domain.text import fold
from csctl.errors import Conflict, NotFound
from csctl.models import Customer, Order
from csctl.services.blacklist import matching as blacklist
from csctl.services.shared import bulk, listing


def find(session: Session, who: str) -> Customer:
    """The customer with this id or email. Raises NotFound, or Conflict where several have the email."""
    if "@" not in who:
        return listing.existing(session, Customer, "cus", ids.parse("cus", who).id)
    same = select(Customer).where(Customer.folded_email == fold(who), Customer.merged_into_id.is_(None))
    found = session.scalars(same.order_by(Customer.id).limit(11)).all()
    if not found:
        raise NotFound(f"there is no customer with the email {who}", fix=f"csctl customer search --email {who}")
    if len(found) > 1:
        named = ", ".join(ids.show("cus", customer.id) for customer in found[:10])
        raise Conflict(
            f"several customers have the email {who}",
            cause=named + (", …" if len(found) > 10 else ""),
            fix="name one of them by its id",
        )
    return found[0]


def live(session: Session, number: int) -> Customer:
    """A customer who can be worked with, locked. Raises NotFound, or Conflict for one who was merged or erased."""
    customer = bulk.locked(session, Customer, "cus", number)
    require_live(customer)
    return customer


def require_live(customer: Customer) -> None:
    """Raises Conflict for a customer who was merged into another one, or erased."""
    name = ids.show("cus", customer.id)
    if customer.erased_at:
        raise Conflict(f"{name} was erased", cause=f"on {customer.erased_at:%Y-%m-%d}, for good")
    if customer.merged_into_id:
        into = ids.show("cus", customer.merged_into_id)
        raise Conflict(f"{name} was merged into {into}", fix=f"name {into} instead")


def require_name(who: str) -> None:
    """Raises Usage for what can name no customer."""
    if "@" not in who:
        ids.parse("cus", who)


def rows(session: Session, customers: list[Customer]) -> list[dict[str, Any]]:
    """A row for each customer. Runs the same number of queries for one and for many."""
    numbers = [customer.id for customer in customers]
    counts = select(Order.customer_id, func.count(), func.max(Order.placed_at))
    orders = {
        number: (count, last)
        for number, count, last in session.execute(
            counts.where(Order.customer_id.in_(numbers)).group_by(Order.customer_id)
        )
    }
    blocked = blacklist.matches(session, customers)
    return [
        {
            **_details(customer),
            "blacklisted": bool(blocked.get(customer.id)),
            "orders": orders.get(customer.id, (0, None))[0],
            "last_order_at": orders.get(customer.id, (0, None))[1],
            "created_at": customer.created_at,
        }
        for customer in customers
    ]


def _details(customer: Customer) -> dict[str, Any]:
    """The town is the billing address's; where that is empty, the shipping address's."""
    address = customer.billing or customer.shipping or Address()
    return {
        "id": ids.show("cus", customer.id),
        "external_id": customer.external_id,
        "first_name": customer.first_name,
        "last_name": customer.last_name,
        "email": customer.email,
        "phone": customer.phone,
        "city": address.city,
        "region": address.region,
        "postal_code": address.postal_code,
        "country": address.country,
    }
