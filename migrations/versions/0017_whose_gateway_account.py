"""Which account at the gateway a name stands for: its own id, and whether it is live."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("gateway_accounts", sa.Column("account", sa.Text(), nullable=True))
    op.add_column("gateway_accounts", sa.Column("livemode", sa.Boolean(), nullable=True))


def downgrade() -> None:
    op.drop_column("gateway_accounts", "livemode")
    op.drop_column("gateway_accounts", "account")
