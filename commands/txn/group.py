"""The group csctl txn, and the fields of a transaction."""

from __future__ import annotations

from ..cli.declare import group

txn = group("txn", "Void, refund and reconcile transactions.")

FIELDS = (
    "id",
    "external_id",
    "order_id",
    "purchase_id",
    "customer_id",
    "customer_name",
    "customer_email",
    "kind",
    "state",
    "amount",
    "currency",
    "settlement",
    "standing",
    "settled_at",
    "refunded",
    "over_returned",
    "refundable",
    "voided",
    "disputed",
    "duplicate",
    "outside",
    "outside_reference",
    "refund_reason",
    "parent_id",
    "gateway",
    "gateway_ref",
    "bank_reference",
    "reason",
    "message",
    "gateway_code",
    "gateway_request_id",
    "network_ref",
    "created_at",
    "created_by",
)
