"""seals over the audit trail"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

SQLITE = (
    """CREATE TRIGGER audit_seals_no_update BEFORE UPDATE ON audit_seals
       BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END""",
    """CREATE TRIGGER audit_seals_no_delete BEFORE DELETE ON audit_seals
       BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END""",
    """CREATE TRIGGER audit_seals_no_replace BEFORE INSERT ON audit_seals
       WHEN EXISTS (SELECT 1 FROM audit_seals
                    WHERE number = NEW.number OR previous = NEW.previous OR hash = NEW.hash)
       BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END""",
)
POSTGRESQL = (
    """CREATE TRIGGER audit_seals_no_change BEFORE UPDATE OR DELETE ON audit_seals
       FOR EACH ROW EXECUTE FUNCTION audit_append_only()""",
    """CREATE TRIGGER audit_seals_no_truncate BEFORE TRUNCATE ON audit_seals
       FOR EACH STATEMENT EXECUTE FUNCTION audit_append_only()""",
    # Who seals has no right to change the trail, and without it PostgreSQL lets nobody lock it: the owner does it for
    # them. The lock waits for those who are writing, so that no row with a lower number can still appear.
    """CREATE FUNCTION audit_newest_row() RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER AS
       $$ BEGIN
           LOCK TABLE audit IN SHARE ROW EXCLUSIVE MODE;
           RETURN (SELECT max(id) FROM audit);
       END $$""",
    "REVOKE ALL ON FUNCTION audit_newest_row() FROM PUBLIC",
)
# A function that acts for its owner must not be led to another schema's tables.
PIN_SCHEMA = """DO $$ BEGIN
    EXECUTE format('ALTER FUNCTION audit_newest_row() SET search_path = %I, pg_temp', current_schema());
END $$"""


def on_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"


def upgrade() -> None:
    op.create_table(
        "audit_seals",
        sa.Column("number", BIG, autoincrement=False, nullable=False),
        sa.Column("at", sa.Text(), nullable=False),
        sa.Column("first_id", BIG, nullable=False),
        sa.Column("last_id", BIG, nullable=False),
        sa.Column("last_at", sa.Text(), nullable=False),
        sa.Column("leaves", sa.Text(), nullable=False),
        sa.Column("previous", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_audit_seals"),
        sa.UniqueConstraint("previous", name="uq_audit_seals_previous"),
        sa.UniqueConstraint("hash", name="uq_audit_seals_hash"),
    )
    for statement in SQLITE if on_sqlite() else (*POSTGRESQL, PIN_SCHEMA):
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("audit_seals")
    if not on_sqlite():
        op.execute("DROP FUNCTION audit_newest_row()")
