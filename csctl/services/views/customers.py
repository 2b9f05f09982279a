"""Customers as listings show them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from csctl.domain import ids
from csctl.domain.addresses import Address
from csctl.models import Customer, Order
from csctl.services.blacklist import matching as blacklist


def rows(session: Session, customers: list[Customer], country: str | None) -> list[dict[str, Any]]:
    """A row for each customer. Runs the same number of queries for one and for many. `country` is the shop's."""
    numbers = [customer.id for customer in customers]
    counts = select(Order.customer_id, func.count(), func.max(Order.placed_at))
    orders = {
        number: (count, last)
        for number, count, last in session.execute(
            counts.where(Order.customer_id.in_(numbers)).group_by(Order.customer_id)
        )
    }
    blocked = blacklist.matches(session, customers, country)
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


def named(customer: Customer) -> dict[str, Any]:
    """The customer in the rows of what belongs to them."""
    return {"customer_name": customer.name or None, "customer_email": customer.email}


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
