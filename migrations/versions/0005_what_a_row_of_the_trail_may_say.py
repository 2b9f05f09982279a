"""what a row of the trail may say"""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# PostgreSQL alone: there a login that may write rows may do nothing else to the trail, and rows cannot be taken back.
# What is refused here would else stay in everybody's way: a row that no program can read, one that looks back-dated
# ever after, one that tells of a seal that never was.
POSTGRESQL = (
    """CREATE FUNCTION audit_acceptable() RETURNS trigger LANGUAGE plpgsql AS
       $$ BEGIN
           IF NEW.at NOT BETWEEN '1900-01-01' AND '9000-01-01' OR json_typeof(NEW.changes) <> 'object'
              OR octet_length(NEW::text) > 100000 THEN
               RAISE EXCEPTION 'no row of the audit trail looks like this';
           END IF;
           IF NEW.at NOT BETWEEN clock_timestamp() - interval '10 minutes' AND clock_timestamp() + interval '10 minutes'
              AND EXISTS (SELECT FROM installation WHERE NOT rehearsal) THEN
               RAISE EXCEPTION 'the clocks of this host and of the database are more than ten minutes apart';
           END IF;
           IF NEW.command = 'audit seal' AND NEW.outcome = 'created'
              AND NOT has_table_privilege('audit_seals', 'INSERT') THEN
               RAISE insufficient_privilege USING MESSAGE = 'permission denied to tell of seals';
           END IF;
           RETURN NEW;
       END $$""",
    # Whose tables these are must not depend on who writes.
    """DO $$ BEGIN
           EXECUTE format('ALTER FUNCTION audit_acceptable() SET search_path = %I, pg_temp', current_schema());
       END $$""",
    """CREATE TRIGGER audit_acceptable BEFORE INSERT ON audit
       FOR EACH ROW EXECUTE FUNCTION audit_acceptable()""",
    # Every login writes this column, and every command of an operator begins with reading it.
    """UPDATE operators SET last_used_at = NULL WHERE last_used_at NOT BETWEEN '1900-01-01' AND '9000-01-01'""",
    """ALTER TABLE operators ADD CONSTRAINT ck_operators_last_used_at
       CHECK (last_used_at BETWEEN '1900-01-01' AND '9000-01-01')""",
)
UNDO = (
    "ALTER TABLE operators DROP CONSTRAINT ck_operators_last_used_at",
    "DROP TRIGGER audit_acceptable ON audit",
    "DROP FUNCTION audit_acceptable()",
)


def on_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"


def upgrade() -> None:
    for statement in () if on_sqlite() else POSTGRESQL:
        op.execute(statement)


def downgrade() -> None:
    for statement in () if on_sqlite() else UNDO:
        op.execute(statement)
