"""approvals"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.DateTime(timezone=True)
revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

# An agent's login may add rows, so that the agent can withdraw. Only an administrator's may decide.
POSTGRESQL = (
    """CREATE FUNCTION approval_decidable() RETURNS trigger LANGUAGE plpgsql AS
       $$ BEGIN
           IF NEW.state <> 'withdrawn' AND NOT has_table_privilege('operators', 'INSERT') THEN
               RAISE insufficient_privilege USING MESSAGE = 'permission denied to decide on a request';
           END IF;
           RETURN NEW;
       END $$""",
    """DO $$ BEGIN
           EXECUTE format('ALTER FUNCTION approval_decidable() SET search_path = %I, pg_temp', current_schema());
       END $$""",
    """CREATE TRIGGER approval_decidable BEFORE INSERT ON approval_decisions
       FOR EACH ROW EXECUTE FUNCTION approval_decidable()""",
)


def on_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"


def upgrade() -> None:
    op.create_table(
        "approvals",
        sa.Column("id", BIG, nullable=False),
        sa.Column("sale_id", BIG, nullable=False),
        sa.Column("purchase_id", BIG, nullable=True),
        sa.Column("amount", BIG, nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("returned_before", BIG, nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("then_cancel", sa.Text(), nullable=True),
        sa.Column("send_email", sa.Boolean(), nullable=False),
        sa.Column("request_id", BIG, nullable=True),
        sa.Column("requested_by", BIG, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.CheckConstraint("amount > 0", name=op.f("ck_approvals_amount")),
        sa.ForeignKeyConstraint(["sale_id"], ["transactions.id"], name=op.f("fk_approvals_sale_id_transactions")),
        sa.ForeignKeyConstraint(["purchase_id"], ["purchases.id"], name=op.f("fk_approvals_purchase_id_purchases")),
        sa.ForeignKeyConstraint(["request_id"], ["requests.id"], name=op.f("fk_approvals_request_id_requests")),
        sa.ForeignKeyConstraint(["requested_by"], ["operators.id"], name=op.f("fk_approvals_requested_by_operators")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_approvals")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_approvals_sale_id"), "approvals", ["sale_id"])
    op.create_index(op.f("ix_approvals_created_at"), "approvals", ["created_at"])
    op.create_table(
        "approval_decisions",
        sa.Column("id", BIG, nullable=False),
        sa.Column("approval_id", BIG, nullable=False),
        sa.Column("state", sa.String(40), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("transaction_id", BIG, nullable=True),
        sa.Column("decided_by", BIG, nullable=True),
        sa.Column("decided_at", TIME, nullable=False),
        sa.CheckConstraint("state IN ('granted', 'denied', 'withdrawn')", name=op.f("ck_approval_decisions_state")),
        sa.ForeignKeyConstraint(
            ["approval_id"], ["approvals.id"], name=op.f("fk_approval_decisions_approval_id_approvals")
        ),
        sa.ForeignKeyConstraint(
            ["transaction_id"], ["transactions.id"], name=op.f("fk_approval_decisions_transaction_id_transactions")
        ),
        sa.ForeignKeyConstraint(
            ["decided_by"], ["operators.id"], name=op.f("fk_approval_decisions_decided_by_operators")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_approval_decisions")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_approval_decisions_approval_id"), "approval_decisions", ["approval_id"], unique=True)
    op.create_index(op.f("ix_approval_decisions_transaction_id"), "approval_decisions", ["transaction_id"])
    for statement in () if on_sqlite() else POSTGRESQL:
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("approval_decisions")
    if not on_sqlite():
        op.execute("DROP FUNCTION approval_decidable()")
    op.drop_table("approvals")
