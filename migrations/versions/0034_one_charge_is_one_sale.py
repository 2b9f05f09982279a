"""one charge at a gateway is one sale"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

_INDEX = "uq_transactions_reference"
_SALES = "kind IN ('sale', 'capture') AND state = 'approved' AND gateway_ref NOT IN ('', '0')"
# Of sales with one reference, the one whose money was returned, or may not be returned, stands for the charge; in doubt
# the first. The others are kept, and never refunded.
_MARK = f"""
    UPDATE transactions SET duplicate_at = created_at WHERE id IN (
        SELECT id FROM (
            SELECT id, ROW_NUMBER() OVER (
                PARTITION BY gateway, gateway_ref
                ORDER BY CASE WHEN voided_at IS NULL THEN 1 ELSE 0 END, CASE WHEN disputed_at IS NULL THEN 1 ELSE 0 END,
                    refunded + reserved DESC, id
            ) AS place FROM transactions WHERE {_SALES}
        ) AS placed WHERE place > 1
    )
"""  # noqa: S608 - our own names


def upgrade() -> None:
    op.add_column("transactions", sa.Column("duplicate_at", sa.DateTime(timezone=True), nullable=True))
    op.execute(_MARK)
    where = f"{_SALES} AND duplicate_at IS NULL"
    op.execute(f"CREATE UNIQUE INDEX {_INDEX} ON transactions (gateway, gateway_ref) WHERE {where}")


def downgrade() -> None:
    op.drop_index(_INDEX, "transactions")
    op.drop_column("transactions", "duplicate_at")
