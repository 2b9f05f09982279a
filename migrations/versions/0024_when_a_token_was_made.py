"""when a token was made"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

# The audit log remembers the last change of a token.
_MADE = """
    UPDATE operators SET token_created_at = COALESCE(
        (SELECT max(a.at) FROM audit a WHERE a.command = 'operator rotate-token' AND a.outcome = 'updated'
         AND a.target = 'opr_' || operators.id), created_at)
"""


def upgrade() -> None:
    op.add_column("operators", sa.Column("token_created_at", sa.DateTime(timezone=True), nullable=True))
    op.execute(_MADE)


def downgrade() -> None:
    op.drop_column("operators", "token_created_at")
