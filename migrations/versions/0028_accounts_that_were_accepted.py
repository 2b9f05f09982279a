"""accounts that were accepted, and references of refunds at the banks"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("gateway_accounts", sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("transactions", sa.Column("bank_reference", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("transactions", "bank_reference")
    op.drop_column("gateway_accounts", "accepted_at")
