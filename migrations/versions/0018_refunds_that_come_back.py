"""Until when an approved refund is watched, and when the gateway was last asked about a transaction."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
# Refunds that csctl sent before can come back, too.
_WATCHED = (
    "UPDATE transactions SET watch_until = {later} WHERE kind = 'refund' AND state = 'approved' AND key IS NOT NULL"
)
_LATER = {"sqlite": "datetime(finished_at, '+30 days')", "postgresql": "finished_at + interval '30 days'"}


def upgrade() -> None:
    op.add_column("transactions", sa.Column("watch_until", _TIME, nullable=True))
    op.add_column("transactions", sa.Column("looked_at", _TIME, nullable=True))
    op.execute(_WATCHED.format(later=_LATER[op.get_bind().dialect.name]))


def downgrade() -> None:
    op.drop_column("transactions", "looked_at")
    op.drop_column("transactions", "watch_until")
