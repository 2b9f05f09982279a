"""how much of a card is kept"""

from __future__ import annotations

from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

# The networks whose numbers all have 16 digits: Visa, Mastercard, Discover, JCB.
_OF_SIXTEEN = """
    bin LIKE '4%' OR substr(bin, 1, 2) BETWEEN '51' AND '55' OR substr(bin, 1, 4) BETWEEN '2221' AND '2720'
    OR bin LIKE '6011%' OR substr(bin, 1, 3) BETWEEN '644' AND '659' OR substr(bin, 1, 4) BETWEEN '3528' AND '3589'
"""


def upgrade() -> None:
    op.execute(
        f"UPDATE payment_methods SET bin = substr(bin, 1, 6) WHERE length(bin) > 6 AND NOT ({_OF_SIXTEEN})"  # noqa: S608
    )


def downgrade() -> None:
    """What was shortened stays so."""
