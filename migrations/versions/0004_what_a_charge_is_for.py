"""what a charge is for"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

OCCASIONS = ("checkout", "run", "forced", "trial_skip")


def upgrade() -> None:
    occasion = sa.Enum(*OCCASIONS, name="occasion", native_enum=False, length=40)
    op.add_column("transactions", sa.Column("occasion", occasion, nullable=True))
    op.add_column("transactions", sa.Column("due_on", sa.Date(), nullable=True))
    op.add_column("transactions", sa.Column("quantity", sa.Integer(), nullable=True))
    op.add_column("transactions", sa.Column("unit_price", BIG, nullable=True))


def downgrade() -> None:
    for name in ("unit_price", "quantity", "due_on", "occasion"):
        op.drop_column("transactions", name)
