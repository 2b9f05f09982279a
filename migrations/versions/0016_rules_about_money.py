"""rules about money in the database itself"""

from __future__ import annotations

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

# PostgreSQL alone: SQLite has no logins. What they hold is in csctl/domain/money_triggers.py.
# A member of csctl_agent who is not one of csctl_admin, as superusers and the owner of the tables are.
_IS_AGENT = """CREATE FUNCTION csctl_is_agent() RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT COALESCE(bool_or(pg_has_role(session_user, oid, 'MEMBER')) FILTER (WHERE rolname = 'csctl_agent'), false)
        AND NOT COALESCE(
            bool_or(pg_has_role(session_user, oid, 'MEMBER')) FILTER (WHERE rolname = 'csctl_admin'), false)
        FROM pg_roles WHERE rolname IN ('csctl_agent', 'csctl_admin')
    $$"""
# The setting is a decimal string with its currency: `50 USD`. In minor units; once any limit is set, a currency
# without one has the limit 0; without any, there is none.
_LIMIT = """CREATE FUNCTION csctl_agent_limit(wanted text) RETURNS numeric LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN NOT EXISTS (SELECT FROM settings WHERE name LIKE 'agent-refund-limit:%') THEN 'Infinity'::numeric
        ELSE COALESCE((
            SELECT split_part(value, ' ', 1)::numeric * power(10::numeric, CASE
                WHEN wanted IN ('BIF', 'CLP', 'DJF', 'GNF', 'ISK', 'JPY', 'KMF', 'KRW', 'PYG', 'RWF', 'UGX', 'UYI',
                    'VND', 'VUV', 'XAF', 'XOF', 'XPF') THEN 0
                WHEN wanted IN ('BHD', 'IQD', 'JOD', 'KWD', 'LYD', 'OMR', 'TND') THEN 3
                WHEN wanted IN ('CLF', 'UYW') THEN 4
                ELSE 2 END)
            FROM settings WHERE name = 'agent-refund-limit:' || wanted), 0) END
    $$"""
_KEPT = """CREATE FUNCTION transactions_kept() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF csctl_is_agent() AND (
            (OLD.gateway_ref <> '' AND NEW.gateway_ref IS DISTINCT FROM OLD.gateway_ref)
            OR (OLD.state = 'approved' AND NEW.state <> 'approved')
            OR (OLD.voided_at IS NOT NULL AND NEW.voided_at IS NULL)
        ) THEN
            RAISE insufficient_privilege USING MESSAGE = 'permission denied to change what a transaction came to';
        END IF;
        RETURN NEW;
    END $$"""
_NEW = """CREATE FUNCTION transactions_new() RETURNS trigger LANGUAGE plpgsql AS $$
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
_ITEM = """CREATE FUNCTION refund_queue_new() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF csctl_is_agent() AND NOT EXISTS (
            SELECT FROM transactions t WHERE t.id = NEW.origin_id AND t.kind IN ('refund', 'void')
            AND t.parent_id = NEW.sale_id AND t.amount = NEW.amount AND t.currency = NEW.currency
        ) THEN
            RAISE insufficient_privilege USING MESSAGE = 'permission denied to queue what was not refunded';
        END IF;
        RETURN NEW;
    END $$"""
_RUNS = """CREATE FUNCTION runs_kept() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF csctl_is_agent() AND (OLD.state <> 'running' OR OLD.done + OLD.failed > 0) THEN
            RAISE insufficient_privilege USING MESSAGE = 'permission denied to delete a run';
        END IF;
        RETURN OLD;
    END $$"""
_SUMS = """CREATE FUNCTION csctl_sums_hold() RETURNS trigger LANGUAGE plpgsql AS $$
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
        SELECT returned + COALESCE(SUM(amount) FILTER (WHERE state = 'resolved'), 0),
            held + COALESCE(SUM(amount) FILTER (WHERE state IN ('queued', 'in_progress')), 0)
            INTO returned, held FROM refund_queue WHERE sale_id = number;
        IF sale.refunded <> returned OR sale.reserved <> held THEN
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
_FUNCTIONS = {
    "csctl_is_agent()": _IS_AGENT,
    "csctl_agent_limit(text)": _LIMIT,
    "transactions_kept()": _KEPT,
    "transactions_new()": _NEW,
    "refund_queue_new()": _ITEM,
    "runs_kept()": _RUNS,
    "csctl_sums_hold()": _SUMS,
}
_TRIGGERS = (
    "CREATE TRIGGER transactions_kept BEFORE UPDATE ON transactions FOR EACH ROW EXECUTE FUNCTION transactions_kept()",
    "CREATE TRIGGER transactions_new BEFORE INSERT ON transactions FOR EACH ROW EXECUTE FUNCTION transactions_new()",
    "CREATE TRIGGER refund_queue_new BEFORE INSERT ON refund_queue FOR EACH ROW EXECUTE FUNCTION refund_queue_new()",
    "CREATE TRIGGER runs_kept BEFORE DELETE ON runs FOR EACH ROW EXECUTE FUNCTION runs_kept()",
    *(
        f"CREATE CONSTRAINT TRIGGER {table}_sums AFTER INSERT OR UPDATE ON {table} DEFERRABLE INITIALLY DEFERRED"
        " FOR EACH ROW EXECUTE FUNCTION csctl_sums_hold()"
        for table in ("transactions", "refund_queue")
    ),
)


def _on_postgresql() -> bool:
    return op.get_bind().dialect.name == "postgresql"


def upgrade() -> None:
    if not _on_postgresql():
        return
    for name, function in _FUNCTIONS.items():
        op.execute(function)
        # Whose tables these are must not depend on who writes.
        op.execute(
            f"""DO $$ BEGIN
                EXECUTE format('ALTER FUNCTION {name} SET search_path = %I, pg_catalog, pg_temp', current_schema());
            END $$"""
        )
    for trigger in _TRIGGERS:
        op.execute(trigger)


def downgrade() -> None:
    if not _on_postgresql():
        return
    for trigger in _TRIGGERS:
        words = trigger.replace("CONSTRAINT ", "").split()
        op.execute(f"DROP TRIGGER {words[2]} ON {words[words.index('ON') + 1]}")
    for name in reversed(_FUNCTIONS):
        op.execute(f"DROP FUNCTION {name}")
