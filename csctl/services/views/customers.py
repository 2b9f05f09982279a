"""Rows of customers in lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from csctl.domain.addresses import Address
from csctl.models import BlacklistEntry, Customer, Order
from csctl.results import Row
from csctl.services.shared import field_values


def rows(session: Session, customers: list[Customer], blocked: Mapping[int, Sequence[BlacklistEntry]]) -> list[Row]:
    """A row for each customer. Runs one query. `blocked` are the blacklist entries that match them."""
    numbers = [customer.id for customer in customers]
    counts = select(Order.customer_id, func.count(), func.max(Order.placed_at))
    orders = {
        number: (count, last)
        for number, count, last in session.execute(
            counts.where(Order.customer_id.in_(numbers)).group_by(Order.customer_id)
        )
    }
    return [
        {
            **field_values.listed(customer),
            **_place(customer),
            "blacklisted": bool(blocked.get(customer.id)),
            "orders": orders.get(customer.id, (0, None))[0],
            "last_order_at": orders.get(customer.id, (0, None))[1],
        }
        for customer in customers
    ]


def named(customer: Customer) -> Row:
    """The customer's name and email, in rows of other records."""
    return {"customer_name": customer.name or None, "customer_email": customer.email}


def _place(customer: Customer) -> dict[str, str | None]:
    """City and country of the billing address; where that is empty, of the shipping address."""
    address = customer.billing or customer.shipping or Address()
    return {name: getattr(address, name) for name in ("city", "region", "postal_code", "country")}
