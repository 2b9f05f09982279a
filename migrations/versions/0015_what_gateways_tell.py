"""how far the changes of each gateway account are in the books, and refunds made on a gateway's own page"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from csctl.schema_checks import Checks, add_checks, drop_checks

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_BEFORE: Checks = {"transactions": {"ck_transactions_outside_word": "outside IN ('payment', 'chargeback')"}}
# A login may write this table: no row may be so long that reading it fails.
_POSTGRESQL: Checks = {
    "gateway_cursors": {"ck_gateway_cursors_row_length": "octet_length(CAST(gateway_cursors AS text)) <= 100000"}
}
_AFTER: Checks = {"transactions": {"ck_transactions_outside_word": "outside IN ('payment', 'chargeback', 'gateway')"}}


def upgrade() -> None:
    op.create_table(
        "gateway_cursors",
        sa.Column("account", sa.Text(), primary_key=True),
        sa.Column("cursor", sa.Text(), nullable=False),
        sa.Column("moved_at", sa.DateTime(timezone=True), nullable=False),
    )
    if op.get_bind().dialect.name == "postgresql":
        add_checks(op.get_bind(), _POSTGRESQL)
    drop_checks(op.get_bind(), _BEFORE)
    add_checks(op.get_bind(), _AFTER)


def downgrade() -> None:
    # What was learned from a gateway stays in the books, under the word that the older version knows.
    op.execute("UPDATE transactions SET outside = 'payment' WHERE outside = 'gateway'")
    drop_checks(op.get_bind(), _AFTER)
    add_checks(op.get_bind(), _BEFORE)
    op.drop_table("gateway_cursors")
