"""runs of administrators, and what counts as over-returned"""

from __future__ import annotations

from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

# PostgreSQL alone: csctl/domain/money_triggers.py explains these.
_LINKED = """CREATE OR REPLACE FUNCTION transactions_linked() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF csctl_is_agent() AND (
            (NEW.queue_item_id IS DISTINCT FROM OLD.queue_item_id AND (OLD.queue_item_id IS NOT NULL OR NOT EXISTS (
                SELECT FROM refund_queue q WHERE q.id = NEW.queue_item_id AND q.origin_id = NEW.id)))
            OR (OLD.state = 'failed' AND OLD.reason IN ('returned', 'card_closed') AND NEW.state <> 'approved'
                AND (NEW.state <> OLD.state OR NEW.reason IS DISTINCT FROM OLD.reason))
            OR (NEW.over_returned > OLD.over_returned AND NEW.refunded + NEW.reserved <> NEW.amount)
        ) THEN
            RAISE insufficient_privilege USING MESSAGE = 'permission denied to change what a transaction belongs to';
        END IF;
        RETURN NEW;
    END $$"""
_LINKED_BEFORE = """CREATE OR REPLACE FUNCTION transactions_linked() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF csctl_is_agent() AND (
            (NEW.queue_item_id IS DISTINCT FROM OLD.queue_item_id AND (OLD.queue_item_id IS NOT NULL OR NOT EXISTS (
                SELECT FROM refund_queue q WHERE q.id = NEW.queue_item_id AND q.origin_id = NEW.id)))
            OR (OLD.state = 'failed' AND OLD.reason IN ('returned', 'card_closed') AND NEW.state <> 'approved'
                AND (NEW.state <> OLD.state OR NEW.reason IS DISTINCT FROM OLD.reason))
        ) THEN
            RAISE insufficient_privilege USING MESSAGE = 'permission denied to change what a transaction belongs to';
        END IF;
        RETURN NEW;
    END $$"""
_RUNS = """CREATE FUNCTION csctl_runs_of_agents() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE number bigint;
    BEGIN
        IF NOT csctl_is_agent() THEN
            RETURN COALESCE(NEW, OLD);
        END IF;
        IF TG_TABLE_NAME = 'runs' THEN
            number := (to_jsonb(COALESCE(NEW, OLD)) ->> 'operator_id')::bigint;
        ELSE
            SELECT operator_id INTO number FROM runs WHERE id = (to_jsonb(COALESCE(NEW, OLD)) ->> 'run_id')::bigint;
        END IF;
        IF NOT EXISTS (SELECT FROM operators WHERE id = number AND role = 'agent') THEN
            RAISE insufficient_privilege USING MESSAGE = 'permission denied to change a run of an administrator';
        END IF;
        RETURN COALESCE(NEW, OLD);
    END $$"""
_TABLES = ("runs", "run_records")


def upgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    _make("transactions_linked()", _LINKED)
    _make("csctl_runs_of_agents()", _RUNS)
    for table in _TABLES:
        op.execute(
            f"CREATE TRIGGER {table}_of_agents BEFORE INSERT OR DELETE OR UPDATE ON {table}"
            " FOR EACH ROW EXECUTE FUNCTION csctl_runs_of_agents()"
        )


def downgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    for table in _TABLES:
        op.execute(f"DROP TRIGGER {table}_of_agents ON {table}")
    op.execute("DROP FUNCTION csctl_runs_of_agents()")
    _make("transactions_linked()", _LINKED_BEFORE)


def _make(name: str, function: str) -> None:
    """Whose tables a function means must not depend on who writes."""
    op.execute(function)
    op.execute(
        f"DO $$ BEGIN EXECUTE format('ALTER FUNCTION {name}"
        " SET search_path = %I, pg_catalog, pg_temp', current_schema()); END $$"
    )
