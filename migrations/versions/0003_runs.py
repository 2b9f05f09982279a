"""runs"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.DateTime(timezone=True)
revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def words(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, length=40)


def upgrade() -> None:
    op.create_table(
        "runs",
        sa.Column("id", BIG, nullable=False),
        sa.Column("operator_id", BIG, nullable=False),
        sa.Column("command", sa.Text(), nullable=False),
        sa.Column("arguments", sa.JSON(), nullable=False),
        sa.Column("by_ids", sa.Boolean(), nullable=False),
        sa.Column("state", words("runstate", "running", "complete", "stopped"), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.Column("worker", sa.Text(), nullable=True),
        sa.Column("lease_until", TIME, nullable=True),
        sa.Column("started_at", TIME, nullable=False),
        sa.Column("ended_at", TIME, nullable=True),
        sa.CheckConstraint("done >= 0 AND failed >= 0 AND done + failed <= total", name=op.f("ck_runs_counts")),
        sa.ForeignKeyConstraint(["operator_id"], ["operators.id"], name=op.f("fk_runs_operator_id_operators")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_runs")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_runs_operator_id"), "runs", ["operator_id"])
    op.create_index(op.f("ix_runs_started_at"), "runs", ["started_at"])
    op.create_table(
        "run_records",
        sa.Column("run_id", BIG, nullable=False),
        sa.Column("place", BIG, autoincrement=False, nullable=False),
        sa.Column("given", sa.Text(), nullable=False),
        sa.Column("state", words("recordstate", "pending", "done", "failed"), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column("transactions", sa.JSON(), nullable=True),
        sa.Column("at", TIME, nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_run_records_run_id_runs")),
        sa.PrimaryKeyConstraint("run_id", "place", name=op.f("pk_run_records")),
        sa.UniqueConstraint("run_id", "given", name=op.f("uq_run_records_run_id_given")),
    )


def downgrade() -> None:
    op.drop_table("run_records")
    op.drop_table("runs")
