"""queue items of other systems"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("refund_queue", sa.Column("external_id", sa.Text(), nullable=True))
    op.create_index("ix_refund_queue_external_id", "refund_queue", ["external_id"], unique=True)


def downgrade() -> None:
    op.drop_index("ix_refund_queue_external_id", "refund_queue")
    op.drop_column("refund_queue", "external_id")
