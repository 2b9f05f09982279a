"""The triggers that enforce the rules about money for logins of agents, on PostgreSQL.

The command line follows these rules itself. The triggers enforce them for every program that uses the login. The
definitions are as the database reports them; the migrations created them.
"""

from __future__ import annotations

from collections.abc import Mapping

# A charge keeps its reference, an outcome that is final stays unless a bank sent a refund back, and what was voided
# stays voided.
_KEPT = """CREATE TRIGGER transactions_kept BEFORE UPDATE ON transactions FOR EACH ROW
    EXECUTE FUNCTION transactions_kept()
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
    END"""
# A new row has no outcome yet, belongs to its order, sale, card and queue item, and was asked for by an agent, whose
# limit then holds; money that was returned elsewhere is recorded as such.
_NEW = """CREATE TRIGGER transactions_new BEFORE INSERT ON transactions FOR EACH ROW
    EXECUTE FUNCTION transactions_new()
    BEGIN
        IF NOT csctl_is_agent() THEN
            RETURN NEW;
        END IF;
        IF (
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
    END"""
# A refund joins the queue item that it began, and one that the bank returned stays known as such; only what exceeds the
# sale counts as over-returned.
_LINKED = """CREATE TRIGGER transactions_linked BEFORE UPDATE ON transactions FOR EACH ROW
    EXECUTE FUNCTION transactions_linked()
    BEGIN
        IF NOT csctl_is_agent() THEN
            RETURN NEW;
        END IF;
        IF (
            (NEW.queue_item_id IS DISTINCT FROM OLD.queue_item_id AND (OLD.queue_item_id IS NOT NULL OR NOT EXISTS (
                SELECT FROM refund_queue q WHERE q.id = NEW.queue_item_id AND q.origin_id = NEW.id)))
            OR (OLD.state = 'failed' AND OLD.reason IN ('returned', 'card_closed') AND NEW.state <> 'approved'
                AND (NEW.state <> OLD.state OR NEW.reason IS DISTINCT FROM OLD.reason))
            OR (NEW.over_returned > OLD.over_returned AND NEW.refunded + NEW.reserved <> NEW.amount)
        ) THEN
            RAISE insufficient_privilege USING MESSAGE = 'permission denied to change what a transaction belongs to';
        END IF;
        RETURN NEW;
    END"""
# A subscription is charged to a card of its own customer.
_CARD = """CREATE TRIGGER purchases_card BEFORE INSERT OR UPDATE ON purchases FOR EACH ROW
    EXECUTE FUNCTION purchases_card()
    BEGIN
        IF csctl_is_agent() AND NEW.payment_method_id IS NOT NULL AND NOT EXISTS (
            SELECT FROM payment_methods m JOIN orders o ON o.customer_id = m.customer_id
            WHERE m.id = NEW.payment_method_id AND o.id = NEW.order_id
        ) THEN
            RAISE insufficient_privilege USING MESSAGE = 'permission denied to charge a card of another customer';
        END IF;
        RETURN NEW;
    END"""
# An item of the queue continues an existing refund or void, with its amount.
_ITEM = """CREATE TRIGGER refund_queue_new BEFORE INSERT ON refund_queue FOR EACH ROW
    EXECUTE FUNCTION refund_queue_new()
    BEGIN
        IF csctl_is_agent() AND NOT EXISTS (
            SELECT FROM transactions t WHERE t.id = NEW.origin_id AND t.kind IN ('refund', 'void')
            AND t.parent_id = NEW.sale_id AND t.amount = NEW.amount AND t.currency = NEW.currency
        ) THEN
            RAISE insufficient_privilege USING MESSAGE = 'permission denied to queue what was not refunded';
        END IF;
        RETURN NEW;
    END"""
# What remains to be returned of a queued refund only becomes less.
_LESS = """CREATE TRIGGER refund_queue_kept BEFORE UPDATE ON refund_queue FOR EACH ROW
    EXECUTE FUNCTION refund_queue_kept()
    BEGIN
        IF csctl_is_agent() AND NEW.amount > OLD.amount THEN
            RAISE insufficient_privilege USING MESSAGE = 'permission denied to queue what was not refunded';
        END IF;
        RETURN NEW;
    END"""
# At the end of each transaction: the sums of a sale follow from its rows, as `db check` computes them, and what agents
# return of a sale respects their limit, which is cumulative per sale; a refund that a bank returned counts twice when
# it is paid again. An open queue item was not paid, and a closed one has no attempt under way; opening it again is a
# refund, too.
_HOLDS = """BEGIN
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
    END"""
_SUMS = (
    "CREATE CONSTRAINT TRIGGER {table}_sums AFTER INSERT OR UPDATE ON {table} DEFERRABLE INITIALLY DEFERRED"
    " FOR EACH ROW EXECUTE FUNCTION csctl_sums_hold() DECLARE number bigint; sale transactions; item refund_queue;"
    " returned numeric; held numeric; came_back numeric; limited boolean; is_open boolean; "
)
# Only a run whose first record has not begun may be deleted.
_RUNS = """CREATE TRIGGER runs_kept BEFORE DELETE ON runs FOR EACH ROW EXECUTE FUNCTION runs_kept()
    BEGIN
        IF csctl_is_agent() AND (OLD.state <> 'running' OR OLD.done + OLD.failed > 0) THEN
            RAISE insufficient_privilege USING MESSAGE = 'permission denied to delete a run';
        END IF;
        RETURN OLD;
    END"""
# What an administrator began is not continued, ended or extended by an agent.
_OWN_RUNS = """CREATE TRIGGER {table}_of_agents BEFORE INSERT OR DELETE OR UPDATE ON {table} FOR EACH ROW
    EXECUTE FUNCTION csctl_runs_of_agents() DECLARE number bigint;
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
    END"""
# What waits for a charge is for the order or purchase that it charges, and stays until the charge is answered.
_WAITING = """CREATE CONSTRAINT TRIGGER deferred_changes_wait AFTER INSERT OR DELETE OR UPDATE ON deferred_changes
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION csctl_waits_for_its_charge()
    DECLARE charge transactions; is_open boolean; is_for boolean;
    BEGIN
        IF NOT csctl_is_agent() THEN
            RETURN NULL;
        END IF;
        SELECT * INTO charge FROM transactions WHERE id = COALESCE(NEW.charge_id, OLD.charge_id);
        is_open := charge.state IN ('created', 'sent', 'pending', 'unknown');
        is_for := COALESCE(NEW.order_id = charge.order_id, false) OR EXISTS (
            SELECT FROM purchases p WHERE p.id = NEW.purchase_id AND p.order_id = charge.order_id
            AND p.id = COALESCE(charge.purchase_id, p.id));
        IF (TG_OP = 'DELETE' AND is_open)
            OR (TG_OP <> 'DELETE' AND (charge.key IS NULL OR charge.kind <> 'sale' OR NOT (is_open AND is_for))) THEN
            RAISE insufficient_privilege USING MESSAGE = 'permission denied to change what waits for a charge';
        END IF;
        RETURN NULL;
    END"""
# A refund cancels a purchase of its own order, and only what was asked for with it.
_CARRIED = """CREATE TRIGGER transactions_carried BEFORE INSERT OR UPDATE ON transactions FOR EACH ROW
    WHEN (new.cancels IS NOT NULL) EXECUTE FUNCTION transactions_carried()
    BEGIN
        IF csctl_is_agent() AND (
            (TG_OP = 'UPDATE'
                AND (NEW.cancels, NEW.cancels_purchase_id, NEW.cancels_on, NEW.cancels_after_billing)
                IS DISTINCT FROM (OLD.cancels, OLD.cancels_purchase_id, OLD.cancels_on, OLD.cancels_after_billing))
            OR (NEW.cancels_purchase_id IS NOT NULL AND NOT EXISTS (
                SELECT FROM purchases p WHERE p.id = NEW.cancels_purchase_id AND p.order_id = NEW.order_id))
        ) THEN
            RAISE insufficient_privilege USING MESSAGE = 'permission denied to cancel what a refund is not for';
        END IF;
        RETURN NEW;
    END"""
# An administrator who grants a request sees its own sale, amount and currency, and what was returned before.
_APPROVALS = """CREATE TRIGGER approvals_new BEFORE INSERT ON approvals FOR EACH ROW EXECUTE FUNCTION approvals_new()
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
    END"""
# What is leased is free again soon. The clock of a rehearsal may be any.
_LEASE = """CREATE TRIGGER {table}_lease BEFORE INSERT OR UPDATE ON {table} FOR EACH ROW
    WHEN (new.lease_until > (clock_timestamp() + '00:15:00'::interval)) EXECUTE FUNCTION csctl_lease_ends()
    BEGIN
        IF csctl_is_agent() AND EXISTS (SELECT FROM installation WHERE NOT rehearsal) THEN
            RAISE insufficient_privilege USING MESSAGE = 'permission denied to keep a record from others';
        END IF;
        RETURN NEW;
    END"""
# Counters have a limit (csctl/models/checks.py): an agent does not reach it, so that others can count on.
_COUNTER = """CREATE TRIGGER {table}_counters BEFORE INSERT OR UPDATE ON {table} FOR EACH ROW
    WHEN ({beyond}) EXECUTE FUNCTION csctl_counts_on()
    BEGIN
        IF csctl_is_agent() THEN
            RAISE insufficient_privilege USING MESSAGE = 'permission denied to use a counter up';
        END IF;
        RETURN NEW;
    END"""
_COUNTED = {
    "customers": "new.version > 1000000",
    "purchases": "new.cycle > 1000000 OR new.recycle_attempts > 1000000 OR new.version > 1000000",
    "transactions": "new.cycle > 1000000",
    "refund_queue": "new.attempts > 1000000",
    "emails": "new.attempts > 1000000",
}

TRIGGERS: Mapping[str, str] = {
    "transactions_kept": _KEPT,
    "transactions_new": _NEW,
    "transactions_linked": _LINKED,
    "transactions_carried": _CARRIED,
    "deferred_changes_wait": _WAITING,
    "purchases_card": _CARD,
    "refund_queue_new": _ITEM,
    "refund_queue_kept": _LESS,
    "transactions_sums": _SUMS.format(table="transactions") + _HOLDS,
    "refund_queue_sums": _SUMS.format(table="refund_queue") + _HOLDS,
    "runs_kept": _RUNS,
    "runs_of_agents": _OWN_RUNS.format(table="runs"),
    "run_records_of_agents": _OWN_RUNS.format(table="run_records"),
    "approvals_new": _APPROVALS,
    **{f"{table}_lease": _LEASE.format(table=table) for table in ("transactions", "emails", "runs")},
    **{f"{table}_counters": _COUNTER.format(table=table, beyond=beyond) for table, beyond in _COUNTED.items()},
}
