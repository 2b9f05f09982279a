"""shops that moved from one database to another"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    on_postgresql = op.get_bind().dialect.name == "postgresql"
    checks = [sa.CheckConstraint("direction IN ('out', 'in')", name="direction_word")]
    if on_postgresql:
        checks.append(sa.CheckConstraint("octet_length(CAST(moves AS text)) <= 100000", name="row_length"))
    op.create_table(
        "moves",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("direction", sa.String(40), nullable=False),
        sa.Column("archive", sa.Text(), nullable=False),
        sa.Column("mark", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        *checks,
        sa.PrimaryKeyConstraint("id", name="pk_moves"),
        sqlite_autoincrement=True,
    )


def downgrade() -> None:
    op.drop_table("moves")
