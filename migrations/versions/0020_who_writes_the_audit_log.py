"""which login wrote a row of the audit log, and seals that no login holds up or forges"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

# A row may appear below the newest one as long as its transaction is open. Where a login keeps one open, the rows that
# are older than every open transaction are sealed, and the others later: a transaction cannot stop the sealing.
_NEWEST = """CREATE OR REPLACE FUNCTION audit_newest_row() RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER AS
    $$ DECLARE oldest xid; BEGIN
        BEGIN
            PERFORM set_config('lock_timeout', '1s', true);
            LOCK TABLE audit IN SHARE ROW EXCLUSIVE MODE;
            RETURN (SELECT max(id) FROM audit);
        EXCEPTION WHEN lock_not_available THEN
            oldest := CAST(pg_snapshot_xmin(pg_current_snapshot()) AS xid);
            RETURN (SELECT max(id) FROM audit WHERE id < COALESCE(
                (SELECT min(id) FROM audit WHERE age(xmin) <= age(oldest)), 9223372036854775807));
        END;
    END $$"""
_NEWEST_BEFORE = """CREATE OR REPLACE FUNCTION audit_newest_row() RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER AS
    $$ BEGIN
        LOCK TABLE audit IN SHARE ROW EXCLUSIVE MODE;
        RETURN (SELECT max(id) FROM audit);
    END $$"""
_PIN = """DO $$ BEGIN
        EXECUTE format('ALTER FUNCTION {0} SET search_path = %I, pg_temp', current_schema());
    END $$"""
_NEXT = """CREATE FUNCTION audit_seals_next() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN
        IF NEW.number <> (SELECT COALESCE(max(number), 0) + 1 FROM audit_seals)
           OR NEW.last_id > (SELECT max(id) FROM audit) THEN
            RAISE insufficient_privilege USING MESSAGE = 'permission denied to add a seal that is not the next one';
        END IF;
        RETURN NEW;
    END $$"""
_TRIGGER = """CREATE TRIGGER audit_seals_next BEFORE INSERT ON audit_seals
    FOR EACH ROW EXECUTE FUNCTION audit_seals_next()"""


def _on_postgresql() -> bool:
    return op.get_bind().dialect.name == "postgresql"


def upgrade() -> None:
    op.add_column("audit", sa.Column("login", sa.Text(), nullable=True))
    if _on_postgresql():
        # The default is added after the column: rows that are there do not get the login of who upgrades.
        op.execute("ALTER TABLE audit ALTER COLUMN login SET DEFAULT session_user")
        op.execute(_NEWEST)
        op.execute(_PIN.format("audit_newest_row()"))
        op.execute(_NEXT)
        op.execute(_PIN.format("audit_seals_next()"))
        op.execute(_TRIGGER)


def downgrade() -> None:
    if _on_postgresql():
        op.execute("DROP TRIGGER audit_seals_next ON audit_seals")
        op.execute("DROP FUNCTION audit_seals_next()")
        op.execute(_NEWEST_BEFORE)
        op.execute(_PIN.format("audit_newest_row()"))
    op.drop_column("audit", "login")
