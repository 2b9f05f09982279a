"""what purchases were charged, and for which day"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

# What was charged at a checkout was not kept: it is the price, but for trials that csctl sold itself.
CHECKOUTS = (
    "UPDATE purchases SET checkout_amount = price",
    """UPDATE purchases SET checkout_amount = quantity * COALESCE(
           (SELECT trial_amount FROM price_points WHERE price_points.id = purchases.price_point_id), 0)
       WHERE external_id IS NULL AND trial_ends_on IS NOT NULL""",
)
DUE = """UPDATE purchases SET due_on = (
             SELECT max(transactions.due_on) FROM transactions
             WHERE transactions.purchase_id = purchases.id AND transactions.cycle = purchases.cycle + 1
                   AND transactions.kind = 'sale')
         WHERE status IN ('recycle_billing', 'recycle_failed')"""


def upgrade() -> None:
    op.add_column("purchases", sa.Column("checkout_amount", BIG, nullable=False, server_default="0"))
    op.add_column("purchases", sa.Column("due_on", sa.Date(), nullable=True))
    op.add_column("purchases", sa.Column("last_billed_on", sa.Date(), nullable=True))
    for statement in (*CHECKOUTS, DUE):
        op.execute(statement)


def downgrade() -> None:
    for name in ("last_billed_on", "due_on", "checkout_amount"):
        op.drop_column("purchases", name)
