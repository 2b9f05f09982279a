"""what agents' logins may write about money"""

from __future__ import annotations

from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

# PostgreSQL alone, as 0016 and 0021, whose functions these replace. csctl/domain/money_triggers.py explains them.
_NEW = """CREATE OR REPLACE FUNCTION transactions_new() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF csctl_is_agent() AND (
            (NEW.outside IS NULL AND (NEW.state NOT IN ('created', 'sent') OR NEW.settlement IS NOT NULL))
            OR (NEW.outside IS NOT NULL AND (NEW.state <> 'approved' OR NEW.kind <> 'refund'))
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
_CARD = """CREATE OR REPLACE FUNCTION purchases_card() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF csctl_is_agent() AND NEW.payment_method_id IS NOT NULL AND NOT EXISTS (
            SELECT FROM payment_methods m JOIN orders o ON o.customer_id = m.customer_id
            WHERE m.id = NEW.payment_method_id AND o.id = NEW.order_id
        ) THEN
            RAISE insufficient_privilege USING MESSAGE = 'permission denied to charge a card of another customer';
        END IF;
        RETURN NEW;
    END $$"""
_SUMS = """CREATE OR REPLACE FUNCTION csctl_sums_hold() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE number bigint; sale transactions; item refund_queue;
        returned numeric; held numeric; came_back numeric; limited boolean; is_open boolean;
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
                AND state NOT IN ('approved', 'declined', 'failed')), 0),
            COALESCE(SUM(amount) FILTER (WHERE kind = 'refund' AND state = 'failed' AND outside IS NULL
                AND reason IN ('returned', 'card_closed')), 0)
            INTO returned, held, came_back FROM transactions WHERE parent_id = number;
        SELECT returned + COALESCE(SUM(amount) FILTER (WHERE state = 'resolved' AND reference IS NOT NULL), 0),
            held + COALESCE(SUM(amount) FILTER (WHERE state IN ('queued', 'in_progress')), 0)
            INTO returned, held FROM refund_queue WHERE sale_id = number;
        IF sale.refunded + sale.over_returned <> returned OR sale.reserved <> held THEN
            RAISE insufficient_privilege USING MESSAGE = 'permission denied to change the sums of a sale';
        END IF;
        IF TG_TABLE_NAME = 'refund_queue' THEN
            SELECT * INTO item FROM refund_queue WHERE id = NEW.id;
            is_open := item.state IN ('queued', 'in_progress');
            IF EXISTS (SELECT FROM refund_queue q WHERE q.origin_id = item.origin_id AND q.id <> item.id)
               OR EXISTS (SELECT FROM transactions t WHERE t.kind IN ('refund', 'void')
                    AND (t.queue_item_id = item.id OR t.id = item.origin_id)
                    AND CASE WHEN is_open THEN t.state = 'approved'
                        ELSE t.state IN ('created', 'sent', 'pending', 'unknown') END) THEN
                RAISE insufficient_privilege USING MESSAGE = 'permission denied to queue what was not refused';
            END IF;
            limited := TG_OP = 'INSERT' AND EXISTS (
                SELECT FROM transactions t WHERE t.id = item.origin_id AND t.kind = 'void');
        ELSIF TG_OP = 'INSERT' THEN
            limited := NEW.kind = 'refund' AND NEW.queue_item_id IS NULL
                AND COALESCE(NEW.outside, 'payment') = 'payment';
        ELSE
            limited := NEW.kind = 'refund' AND OLD.state = 'approved' AND NEW.state = 'failed';
        END IF;
        IF limited AND returned + held + came_back > csctl_agent_limit(sale.currency) THEN
            RAISE insufficient_privilege USING MESSAGE = 'permission denied to refund above the limit of agents';
        END IF;
        RETURN NULL;
    END $$"""
_NEW_BEFORE = """CREATE OR REPLACE FUNCTION transactions_new() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF csctl_is_agent() AND (
            (NEW.state NOT IN ('created', 'sent') AND (NEW.outside IS NULL OR NEW.kind <> 'refund'))
            OR NEW.kind NOT IN ('sale', 'refund', 'void')
            OR NEW.gateway_ref <> '' OR NEW.settlement IS NOT NULL OR NEW.refunded <> 0 OR NEW.reserved <> 0
        ) THEN
            RAISE insufficient_privilege USING MESSAGE = 'permission denied to add a transaction with an outcome';
        END IF;
        RETURN NEW;
    END $$"""
_SUMS_BEFORE = """CREATE OR REPLACE FUNCTION csctl_sums_hold() RETURNS trigger LANGUAGE plpgsql AS $$
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
        SELECT returned + COALESCE(SUM(amount) FILTER (WHERE state = 'resolved' AND reference IS NOT NULL), 0),
            held + COALESCE(SUM(amount) FILTER (WHERE state IN ('queued', 'in_progress')), 0)
            INTO returned, held FROM refund_queue WHERE sale_id = number;
        IF sale.refunded + sale.over_returned <> returned OR sale.reserved <> held THEN
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


def upgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    for name, function in {
        "transactions_new": _NEW,
        "transactions_linked": _LINKED,
        "purchases_card": _CARD,
        "csctl_sums_hold": _SUMS,
    }.items():
        _replace(name, function)
    op.execute(
        "CREATE TRIGGER transactions_linked BEFORE UPDATE ON transactions"
        " FOR EACH ROW EXECUTE FUNCTION transactions_linked()"
    )
    op.execute(
        "CREATE TRIGGER purchases_card BEFORE INSERT OR UPDATE ON purchases"
        " FOR EACH ROW EXECUTE FUNCTION purchases_card()"
    )


def downgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    op.execute("DROP TRIGGER transactions_linked ON transactions")
    op.execute("DROP TRIGGER purchases_card ON purchases")
    op.execute("DROP FUNCTION transactions_linked()")
    op.execute("DROP FUNCTION purchases_card()")
    _replace("transactions_new", _NEW_BEFORE)
    _replace("csctl_sums_hold", _SUMS_BEFORE)


def _replace(name: str, function: str) -> None:
    """Whose tables a function means must not depend on who writes: replacing it would forget that."""
    op.execute(function)
    op.execute(
        f"DO $$ BEGIN EXECUTE format('ALTER FUNCTION {name}()"
        " SET search_path = %I, pg_catalog, pg_temp', current_schema()); END $$"
    )
