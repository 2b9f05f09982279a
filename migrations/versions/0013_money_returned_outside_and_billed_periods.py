"""money returned outside of csctl, and the periods that were billed"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

TIME = sa.DateTime(timezone=True)
revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("transactions", sa.Column("outside", sa.String(40), nullable=True))
    op.add_column("transactions", sa.Column("outside_reference", sa.Text(), nullable=True))
    op.add_column("transactions", sa.Column("billing_blocked_at", TIME, nullable=True))
    op.add_column("purchases", sa.Column("billed_from", sa.Date(), nullable=True))
    op.add_column("purchases", sa.Column("billed_to", sa.Date(), nullable=True))


def downgrade() -> None:
    op.drop_column("purchases", "billed_to")
    op.drop_column("purchases", "billed_from")
    op.drop_column("transactions", "billing_blocked_at")
    op.drop_column("transactions", "outside_reference")
    op.drop_column("transactions", "outside")
