"""The group csctl order, and the fields of an order."""

from __future__ import annotations

from ..cli.declare import group

order = group("order", "Find, create, refund and cancel orders.")

FIELDS = (
    "id",
    "external_id",
    "customer_id",
    "customer_name",
    "customer_email",
    "status",
    "total",
    "refunded",
    "currency",
    "placed_at",
    "cancelled_at",
)
