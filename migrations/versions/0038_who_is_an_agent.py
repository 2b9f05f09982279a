"""who is an agent is decided without a table, and first"""

from __future__ import annotations

from alembic import op

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None

# PostgreSQL alone: csctl/domain/money_triggers.py explains these. The function is one expression that names the schema
# of what it calls, so that the database computes it in place. With a table and a search path of its own it was a query
# for each row.
_IS_AGENT = """CREATE OR REPLACE FUNCTION csctl_is_agent() RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT COALESCE(pg_catalog.pg_has_role(session_user, pg_catalog.to_regrole('csctl_agent'), 'MEMBER'), false)
        AND NOT COALESCE(pg_catalog.pg_has_role(session_user, pg_catalog.to_regrole('csctl_admin'), 'MEMBER'), false)
    $$"""
_IS_AGENT_BEFORE = """CREATE OR REPLACE FUNCTION csctl_is_agent() RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT COALESCE(bool_or(pg_has_role(session_user, oid, 'MEMBER')) FILTER (WHERE rolname = 'csctl_agent'), false)
        AND NOT COALESCE(
            bool_or(pg_has_role(session_user, oid, 'MEMBER')) FILTER (WHERE rolname = 'csctl_admin'), false)
        FROM pg_roles WHERE rolname IN ('csctl_agent', 'csctl_admin')
    $$"""
# A condition with subqueries is prepared as a whole, also for those who are no agents.
_FIRST = """        IF NOT csctl_is_agent() THEN
            RETURN NEW;
        END IF;
        IF ("""
_WITH_THE_REST = """        IF csctl_is_agent() AND ("""
_NEW = """CREATE OR REPLACE FUNCTION transactions_new() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
{asked}
            (NEW.outside IS NULL AND (NEW.state NOT IN ('created', 'sent') OR NEW.settlement IS NOT NULL))
            OR (NEW.outside IS NOT NULL AND (NEW.state <> 'approved' OR NEW.kind <> 'refund'))
            OR (NEW.outside IS NULL AND NOT EXISTS (
                SELECT FROM operators WHERE id = NEW.created_by AND role = 'agent'))
            OR NEW.kind NOT IN ('sale', 'refund', 'void')
            OR NEW.gateway_ref <> '' OR NEW.refunded <> 0 OR NEW.reserved <> 0 OR NEW.over_returned <> 0
            OR (NEW.kind = 'sale' AND NOT EXISTS (
                SELECT FROM payment_methods m JOIN orders o ON o.customer_id = m.customer_id
                WHERE m.id = NEW.payment_method_id AND m.gateway = NEW.gateway AND o.id = NEW.order_id))
            OR (NEW.kind <> 'sale' AND NOT EXISTS (
                SELECT FROM transactions s WHERE s.id = NEW.parent_id AND s.kind IN ('sale', 'capture', 'authorize')
                AND s.order_id = NEW.order_id AND s.gateway = NEW.gateway AND s.currency = NEW.currency))
            OR (NEW.queue_item_id IS NOT NULL AND NOT EXISTS (
                SELECT FROM refund_queue q WHERE q.id = NEW.queue_item_id AND q.sale_id = NEW.parent_id
                AND q.amount = NEW.amount AND q.state IN ('queued', 'in_progress')))
        ) THEN
            RAISE insufficient_privilege USING MESSAGE = 'permission denied to add such a transaction';
        END IF;
        RETURN NEW;
    END $$"""
_LINKED = """CREATE OR REPLACE FUNCTION transactions_linked() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
{asked}
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


def upgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    op.execute(_IS_AGENT)
    _make("transactions_new()", _NEW.format(asked=_FIRST))
    _make("transactions_linked()", _LINKED.format(asked=_FIRST))


def downgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    _make("csctl_is_agent()", _IS_AGENT_BEFORE)
    _make("transactions_new()", _NEW.format(asked=_WITH_THE_REST))
    _make("transactions_linked()", _LINKED.format(asked=_WITH_THE_REST))


def _make(name: str, function: str) -> None:
    """Whose tables a function means must not depend on who writes."""
    op.execute(function)
    op.execute(
        f"DO $$ BEGIN EXECUTE format('ALTER FUNCTION {name}"
        " SET search_path = %I, pg_catalog, pg_temp', current_schema()); END $$"
    )
