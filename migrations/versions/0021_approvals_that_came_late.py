"""approvals that came after an attempt had been taken for failed"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from csctl.schema_checks import Checks, add_checks, drop_checks

AMOUNT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

# What was returned beyond a sale counts, too. An item that was closed for what the gateway did has no reference.
_SUMS = """CREATE OR REPLACE FUNCTION csctl_sums_hold() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE number bigint; sale transactions; returned numeric; held numeric;
    BEGIN
        IF NOT csctl_is_agent() THEN
            RETURN NULL;
        END IF;
        IF TG_TABLE_NAME = 'refund_queue' THEN
            number := NEW.sale_id;
        ELSIF NEW.kind IN ('refund', 'void') THEN
            number := NEW.parent_id;
        ELSE
            number := NEW.id;
        END IF;
        SELECT * INTO sale FROM transactions WHERE id = number;
        SELECT COALESCE(SUM(amount) FILTER (WHERE kind = 'refund' AND state = 'approved'), 0),
            COALESCE(SUM(amount) FILTER (WHERE kind IN ('refund', 'void') AND queue_item_id IS NULL
                AND state NOT IN ('approved', 'declined', 'failed')), 0)
            INTO returned, held FROM transactions WHERE parent_id = number;
        SELECT returned + COALESCE(SUM(amount) FILTER (WHERE {resolved}), 0),
            held + COALESCE(SUM(amount) FILTER (WHERE state IN ('queued', 'in_progress')), 0)
            INTO returned, held FROM refund_queue WHERE sale_id = number;
        IF {refunded} <> returned OR sale.reserved <> held THEN
            RAISE insufficient_privilege USING MESSAGE = 'permission denied to change the sums of a sale';
        END IF;
        IF TG_OP = 'INSERT' AND TG_TABLE_NAME = 'transactions' THEN
            IF NEW.kind = 'refund' AND NEW.queue_item_id IS NULL AND COALESCE(NEW.outside, 'payment') = 'payment'
               AND returned + held > csctl_agent_limit(sale.currency) THEN
                RAISE insufficient_privilege USING MESSAGE = 'permission denied to refund above the limit of agents';
            END IF;
        END IF;
        RETURN NULL;
    END $$"""
_AFTER = {"resolved": "state = 'resolved' AND reference IS NOT NULL", "refunded": "sale.refunded + sale.over_returned"}
_BEFORE = {"resolved": "state = 'resolved'", "refunded": "sale.refunded"}
_CHECKS: Checks = {"transactions": {"ck_transactions_over_returned": "over_returned >= 0"}}


def upgrade() -> None:
    op.add_column("transactions", sa.Column("over_returned", AMOUNT, nullable=False, server_default="0"))
    op.add_column("transactions", sa.Column("look_since", sa.DateTime(timezone=True), nullable=True))
    add_checks(op.get_bind(), _CHECKS)
    _replace_sums(_AFTER)


def downgrade() -> None:
    _replace_sums(_BEFORE)
    drop_checks(op.get_bind(), _CHECKS)
    op.drop_column("transactions", "look_since")
    op.drop_column("transactions", "over_returned")


def _replace_sums(words: dict[str, str]) -> None:
    """The function that holds the sums of a sale. Replacing it would forget where it looks for tables."""
    if op.get_bind().dialect.name != "postgresql":
        return
    op.execute(_SUMS.format(**words))
    op.execute(
        "DO $$ BEGIN EXECUTE format('ALTER FUNCTION csctl_sums_hold()"
        " SET search_path = %I, pg_catalog, pg_temp', current_schema()); END $$"
    )
