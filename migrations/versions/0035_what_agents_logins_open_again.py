"""what logins of agents add and open again"""

from __future__ import annotations

from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None

# PostgreSQL alone: csctl/domain/money_triggers.py explains these.
_NEW = """CREATE OR REPLACE FUNCTION transactions_new() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF csctl_is_agent() AND (
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
            IF TG_OP = 'INSERT' THEN
                limited := EXISTS (SELECT FROM transactions t WHERE t.id = item.origin_id AND t.kind = 'void');
            ELSE
                limited := is_open AND OLD.state NOT IN ('queued', 'in_progress');
            END IF;
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
_APPROVALS = """CREATE FUNCTION approvals_new() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF csctl_is_agent() AND (
            NOT EXISTS (
                SELECT FROM transactions s WHERE s.id = NEW.sale_id AND s.kind IN ('sale', 'capture')
                AND s.currency = NEW.currency AND s.refunded + s.reserved = NEW.returned_before
                AND (NEW.purchase_id IS NULL OR EXISTS (
                    SELECT FROM purchases p WHERE p.id = NEW.purchase_id AND p.order_id = s.order_id)))
            OR NOT EXISTS (
                SELECT FROM operators WHERE id = NEW.requested_by AND role = 'agent' AND disabled_at IS NULL)
            OR (NEW.created_at > clock_timestamp() + interval '15 minutes'
                AND EXISTS (SELECT FROM installation WHERE NOT rehearsal))
        ) THEN
            RAISE insufficient_privilege USING MESSAGE = 'permission denied to ask for such an approval';
        END IF;
        RETURN NEW;
    END $$"""
_LEASES = """CREATE FUNCTION csctl_lease_ends() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF csctl_is_agent() AND EXISTS (SELECT FROM installation WHERE NOT rehearsal) THEN
            RAISE insufficient_privilege USING MESSAGE = 'permission denied to keep a record from others';
        END IF;
        RETURN NEW;
    END $$"""
_COUNTERS = """CREATE FUNCTION csctl_counts_on() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF csctl_is_agent() THEN
            RAISE insufficient_privilege USING MESSAGE = 'permission denied to use a counter up';
        END IF;
        RETURN NEW;
    END $$"""
_LEASED = ("transactions", "emails", "runs")
_COUNTED = {
    "customers": ("version",),
    "purchases": ("cycle", "recycle_attempts", "version"),
    "transactions": ("cycle",),
    "refund_queue": ("attempts",),
    "emails": ("attempts",),
}
_NEW_BEFORE = """CREATE OR REPLACE FUNCTION transactions_new() RETURNS trigger LANGUAGE plpgsql AS $$
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
_SUMS_BEFORE = """CREATE OR REPLACE FUNCTION csctl_sums_hold() RETURNS trigger LANGUAGE plpgsql AS $$
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


def upgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    _make("transactions_new()", _NEW)
    _make("csctl_sums_hold()", _SUMS)
    _make("approvals_new()", _APPROVALS)
    _make("csctl_lease_ends()", _LEASES)
    _make("csctl_counts_on()", _COUNTERS)
    op.execute("CREATE TRIGGER approvals_new BEFORE INSERT ON approvals FOR EACH ROW EXECUTE FUNCTION approvals_new()")
    for table in _LEASED:
        op.execute(
            f"CREATE TRIGGER {table}_lease BEFORE INSERT OR UPDATE ON {table} FOR EACH ROW"
            " WHEN (NEW.lease_until > clock_timestamp() + interval '15 minutes') EXECUTE FUNCTION csctl_lease_ends()"
        )
    for table, counters in _COUNTED.items():
        beyond = " OR ".join(f"NEW.{column} > 1000000" for column in counters)
        op.execute(
            f"CREATE TRIGGER {table}_counters BEFORE INSERT OR UPDATE ON {table} FOR EACH ROW"
            f" WHEN ({beyond}) EXECUTE FUNCTION csctl_counts_on()"
        )


def downgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    for table in _COUNTED:
        op.execute(f"DROP TRIGGER {table}_counters ON {table}")
    for table in _LEASED:
        op.execute(f"DROP TRIGGER {table}_lease ON {table}")
    op.execute("DROP TRIGGER approvals_new ON approvals")
    for function in ("csctl_counts_on()", "csctl_lease_ends()", "approvals_new()"):
        op.execute(f"DROP FUNCTION {function}")
    _make("transactions_new()", _NEW_BEFORE)
    _make("csctl_sums_hold()", _SUMS_BEFORE)


def _make(name: str, function: str) -> None:
    """Whose tables a function means must not depend on who writes."""
    op.execute(function)
    op.execute(
        f"DO $$ BEGIN EXECUTE format('ALTER FUNCTION {name}"
        " SET search_path = %I, pg_catalog, pg_temp', current_schema()); END $$"
    )
