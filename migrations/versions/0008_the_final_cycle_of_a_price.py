"""the final cycle of a price"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("price_points", sa.Column("final_cycle", sa.Integer(), nullable=True))


def downgrade() -> None:
    op.drop_column("price_points", "final_cycle")
