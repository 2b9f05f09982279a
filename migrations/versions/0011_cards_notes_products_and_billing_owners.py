"""disabled cards, edited notes, retired products, purchases billed elsewhere"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

TIME = sa.DateTime(timezone=True)
CHECKOUT = sa.text("kind = 'sale' AND occasion = 'checkout' AND state NOT IN ('declined', 'failed')")
revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("payment_methods", sa.Column("disabled_at", TIME, nullable=True))
    op.add_column("products", sa.Column("retired_at", TIME, nullable=True))
    op.add_column("purchases", sa.Column("billed_by", sa.Text(), nullable=True))
    op.add_column("history", sa.Column("edited_at", TIME, nullable=True))
    number = "BIGINT" if op.get_bind().dialect.name == "postgresql" else "INTEGER"
    op.execute(
        f"ALTER TABLE history ADD COLUMN replaces_id {number}"
        " CONSTRAINT fk_history_replaces_id_history REFERENCES history (id)"
    )
    op.create_index(op.f("ix_history_replaces_id"), "history", ["replaces_id"], unique=True)
    op.create_index(
        "uq_transactions_checkout",
        "transactions",
        ["order_id"],
        unique=True,
        sqlite_where=CHECKOUT,
        postgresql_where=CHECKOUT,
    )


def downgrade() -> None:
    op.drop_index("uq_transactions_checkout", "transactions")
    op.drop_index(op.f("ix_history_replaces_id"), "history")
    op.drop_column("history", "replaces_id")
    op.drop_column("history", "edited_at")
    op.drop_column("purchases", "billed_by")
    op.drop_column("products", "retired_at")
    op.drop_column("payment_methods", "disabled_at")
