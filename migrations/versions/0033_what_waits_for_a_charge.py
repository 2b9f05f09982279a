"""what may wait for a charge, and what a refund may cancel"""

from __future__ import annotations

from alembic import op

from csctl.schema_checks import Checks, add_checks, drop_checks

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

# PostgreSQL alone: it accepts days and times that Python cannot read, and agents' logins may write these.
_CHECKS: Checks = {
    "deferred_changes": {
        "ck_deferred_changes_days": (
            "bill_on BETWEEN '0001-01-01' AND '9999-12-31'"
            " AND created_at BETWEEN '1900-01-01 00:00:00+00' AND '9000-01-01 00:00:00+00'"
        )
    }
}
# csctl/domain/money_triggers.py explains these.
_WAITING = """CREATE FUNCTION csctl_waits_for_its_charge() RETURNS trigger LANGUAGE plpgsql AS $$
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
    END $$"""
_CARRIED = """CREATE FUNCTION transactions_carried() RETURNS trigger LANGUAGE plpgsql AS $$
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
    END $$"""


def upgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    add_checks(op.get_bind(), _CHECKS)
    _make("csctl_waits_for_its_charge()", _WAITING)
    _make("transactions_carried()", _CARRIED)
    op.execute(
        "CREATE CONSTRAINT TRIGGER deferred_changes_wait AFTER INSERT OR DELETE OR UPDATE ON deferred_changes"
        " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION csctl_waits_for_its_charge()"
    )
    op.execute(
        "CREATE TRIGGER transactions_carried BEFORE INSERT OR UPDATE ON transactions"
        " FOR EACH ROW WHEN (NEW.cancels IS NOT NULL) EXECUTE FUNCTION transactions_carried()"
    )


def downgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    op.execute("DROP TRIGGER transactions_carried ON transactions")
    op.execute("DROP TRIGGER deferred_changes_wait ON deferred_changes")
    op.execute("DROP FUNCTION transactions_carried()")
    op.execute("DROP FUNCTION csctl_waits_for_its_charge()")
    drop_checks(op.get_bind(), _CHECKS)


def _make(name: str, function: str) -> None:
    """Whose tables a function means must not depend on who writes."""
    op.execute(function)
    op.execute(
        f"DO $$ BEGIN EXECUTE format('ALTER FUNCTION {name}"
        " SET search_path = %I, pg_catalog, pg_temp', current_schema()); END $$"
    )
