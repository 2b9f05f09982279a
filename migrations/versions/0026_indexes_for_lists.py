"""indexes for lists and lookups"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

_INDEXES = (
    ("ix_orders_status_orders_placed_at", "orders", ["status", "placed_at"]),
    ("ix_orders_total", "orders", ["total"]),
    ("ix_purchases_created_at", "purchases", ["created_at"]),
    ("ix_purchases_payment_method_id", "purchases", ["payment_method_id"]),
    ("ix_purchases_price", "purchases", ["price"]),
    ("ix_purchases_status_purchases_created_at", "purchases", ["status", "created_at"]),
    ("ix_fulfillments_created_at", "fulfillments", ["created_at"]),
    ("ix_fulfillments_reship_of_id", "fulfillments", ["reship_of_id"]),
    ("ix_fulfillments_status_fulfillments_created_at", "fulfillments", ["status", "created_at"]),
    ("ix_transactions_amount", "transactions", ["amount"]),
    ("ix_transactions_gateway_transactions_created_at", "transactions", ["gateway", "created_at"]),
    ("ix_transactions_payment_method_id", "transactions", ["payment_method_id"]),
    ("ix_transactions_purchase_id", "transactions", ["purchase_id"]),
    ("ix_refund_queue_amount", "refund_queue", ["amount"]),
    ("ix_refund_queue_created_at", "refund_queue", ["created_at"]),
    ("ix_refund_queue_order_id", "refund_queue", ["order_id"]),
    ("ix_emails_created_at", "emails", ["created_at"]),
)
# The ones with two columns do their work.
_REPLACED = (("orders", "status"), ("purchases", "status"), ("fulfillments", "status"))


def upgrade() -> None:
    for name, table, columns in _INDEXES:
        op.create_index(name, table, columns)
    disputed = sa.text("disputed_at IS NOT NULL")
    op.create_index(
        "ix_transactions_disputed_at",
        "transactions",
        ["disputed_at"],
        sqlite_where=disputed,
        postgresql_where=disputed,
    )
    for table, column in _REPLACED:
        op.drop_index(f"ix_{table}_{column}", table)


def downgrade() -> None:
    for table, column in _REPLACED:
        op.create_index(f"ix_{table}_{column}", table, [column])
    op.drop_index("ix_transactions_disputed_at", "transactions")
    for name, table, _columns in reversed(_INDEXES):
        op.drop_index(name, table)
