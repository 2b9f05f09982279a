"""an index for search"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from csctl import search_index
from csctl.domain.text import fold

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

_BATCH = 5000
_INDEXES = (
    ("ix_customers_ip", "customers", ["ip"]),
    ("ix_customers_billing_country", "customers", ["billing_country"]),
    ("ix_customers_shipping_country", "customers", ["shipping_country"]),
    ("ix_payment_methods_bin", "payment_methods", ["bin"]),
)


def upgrade() -> None:
    op.add_column("customers", sa.Column("folded_region", sa.Text(), nullable=False, server_default=""))
    _fold_regions(op.get_bind())
    for name, table, columns in _INDEXES:
        op.create_index(name, table, columns)
    merged = sa.text("merged_into_id IS NOT NULL")
    op.create_index(
        "ix_customers_merged_into_id", "customers", ["merged_into_id"], sqlite_where=merged, postgresql_where=merged
    )
    search_index.build(op.get_bind())


def downgrade() -> None:
    search_index.drop(op.get_bind())
    op.drop_index("ix_customers_merged_into_id", "customers")
    for name, table, _columns in _INDEXES:
        op.drop_index(name, table)
    op.drop_column("customers", "folded_region")


def _fold_regions(connection: sa.Connection) -> None:
    read = sa.text(
        "SELECT id, billing_region, shipping_region FROM customers WHERE id > :last ORDER BY id LIMIT :batch"
    )
    write = sa.text("UPDATE customers SET folded_region = :folded WHERE id = :id")
    last = 0
    while rows := connection.execute(read, {"last": last, "batch": _BATCH}).all():
        connection.execute(
            write,
            [{"id": row.id, "folded": f"{fold(row.billing_region)}\n{fold(row.shipping_region)}"} for row in rows],
        )
        last = rows[-1].id
