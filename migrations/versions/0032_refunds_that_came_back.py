"""a refund that came back may be recorded before it has joined the queue"""

from __future__ import annotations

from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

# PostgreSQL alone. At the end of the transaction, csctl_sums_hold() counts what came back toward the agents' limit.
_KEPT = """CREATE OR REPLACE FUNCTION transactions_kept() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF csctl_is_agent() AND (
            (OLD.gateway_ref <> '' AND NEW.gateway_ref IS DISTINCT FROM OLD.gateway_ref)
            OR (OLD.state = 'approved' AND NEW.state <> 'approved'
                AND NOT (OLD.kind = 'refund' AND OLD.outside IS NULL AND NEW.state = 'failed'
                AND COALESCE(NEW.reason, '') IN ('returned', 'card_closed')))
            OR (OLD.voided_at IS NOT NULL AND NEW.voided_at IS NULL)
        ) THEN
            RAISE insufficient_privilege USING MESSAGE = 'permission denied to change what a transaction came to';
        END IF;
        RETURN NEW;
    END $$"""
_BEFORE = """CREATE OR REPLACE FUNCTION transactions_kept() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF csctl_is_agent() AND (
            (OLD.gateway_ref <> '' AND NEW.gateway_ref IS DISTINCT FROM OLD.gateway_ref)
            OR (OLD.state = 'approved' AND NEW.state <> 'approved'
                AND NOT (OLD.kind = 'refund' AND OLD.outside IS NULL AND NEW.state = 'failed'
                AND NEW.reason IN ('returned', 'card_closed') AND NEW.queue_item_id IS NOT NULL))
            OR (OLD.voided_at IS NOT NULL AND NEW.voided_at IS NULL)
        ) THEN
            RAISE insufficient_privilege USING MESSAGE = 'permission denied to change what a transaction came to';
        END IF;
        RETURN NEW;
    END $$"""


def upgrade() -> None:
    _make(_KEPT)


def downgrade() -> None:
    _make(_BEFORE)


def _make(function: str) -> None:
    """Whose tables a function means must not depend on who writes."""
    if op.get_bind().dialect.name != "postgresql":
        return
    op.execute(function)
    op.execute(
        "DO $$ BEGIN EXECUTE format('ALTER FUNCTION transactions_kept()"
        " SET search_path = %I, pg_catalog, pg_temp', current_schema()); END $$"
    )
