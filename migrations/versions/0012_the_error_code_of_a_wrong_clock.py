"""the error code of a wrong clock"""

from __future__ import annotations

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

# PostgreSQL alone. With a code of its own, the refusal is recognized whatever language the server speaks.
_FUNCTION = """CREATE OR REPLACE FUNCTION audit_acceptable() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN
        IF NEW.at NOT BETWEEN '1900-01-01' AND '9000-01-01' OR json_typeof(NEW.changes) <> 'object'
           OR octet_length(NEW::text) > 100000 THEN
            RAISE EXCEPTION 'no row of the audit trail looks like this';
        END IF;
        IF NEW.at NOT BETWEEN clock_timestamp() - interval '10 minutes' AND clock_timestamp() + interval '10 minutes'
           AND EXISTS (SELECT FROM installation WHERE NOT rehearsal) THEN
            RAISE EXCEPTION 'the clocks of this host and of the database are more than ten minutes apart'{code};
        END IF;
        IF NEW.command = 'audit seal' AND NEW.outcome = 'created'
           AND NOT has_table_privilege('audit_seals', 'INSERT') THEN
            RAISE insufficient_privilege USING MESSAGE = 'permission denied to tell of seals';
        END IF;
        RETURN NEW;
    END $$"""
# Replacing a function forgets its settings. Whose tables these are must not depend on who writes.
_SEARCH_PATH = """DO $$ BEGIN
        EXECUTE format('ALTER FUNCTION audit_acceptable() SET search_path = %I, pg_temp', current_schema());
    END $$"""


def upgrade() -> None:
    _replace("\n                USING ERRCODE = 'CS001'")


def downgrade() -> None:
    _replace("")


def _replace(code: str) -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(_FUNCTION.format(code=code))
        op.execute(_SEARCH_PATH)
