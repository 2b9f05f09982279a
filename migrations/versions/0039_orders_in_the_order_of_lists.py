"""the index by time has the customers of orders, so that a search reads no order that does not match"""

from __future__ import annotations

from alembic import op

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None

_NAME = "ix_orders_placed_at"


def upgrade() -> None:
    op.drop_index(_NAME, "orders")
    op.create_index(_NAME, "orders", ["placed_at", "id", "customer_id"])


def downgrade() -> None:
    op.drop_index(_NAME, "orders")
    op.create_index(_NAME, "orders", ["placed_at"])
