"""indexes hold what searches and lists read, so that rows are looked up only for what is found"""

from __future__ import annotations

from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None

# Each begins with the columns that it had before.
_INDEXES = (
    ("ix_refund_queue_created_at", "refund_queue", ["created_at"], ["id"]),
    (
        "ix_customers_created_at",
        "customers",
        ["created_at"],
        ["id", "merged_into_id", "billing_country", "shipping_country"],
    ),
    ("ix_payment_methods_bin", "payment_methods", ["bin"], ["customer_id"]),
    ("ix_payment_methods_last4", "payment_methods", ["last4"], ["customer_id"]),
    ("ix_orders_customer_id", "orders", ["customer_id"], ["status", "id"]),
    ("ix_orders_status_orders_placed_at", "orders", ["status", "placed_at"], ["id", "customer_id"]),
    ("ix_transactions_payment_method_id", "transactions", ["payment_method_id"], ["order_id"]),
    ("ix_transactions_order_id_transactions_kind", "transactions", ["order_id", "kind"], ["payment_method_id"]),
)


def upgrade() -> None:
    for name, table, before, added in _INDEXES:
        op.drop_index(name, table)
        op.create_index(name, table, [*before, *added])


def downgrade() -> None:
    for name, table, before, _added in _INDEXES:
        op.drop_index(name, table)
        op.create_index(name, table, before)
