"""What the logins of the groups are refused."""

# ruff: noqa: S608 - the SQL is made of our own tables

from __future__ import annotations

import psycopg

import csctl.models  # noqa: F401 - so that the metadata knows all tables
from csctl.domain.states import Role
from csctl.models.columns import Base
from tests.shops import Shop
from tests.trust.logins import psql


def denied(shop: Shop, role: Role, statement: str) -> bool:
    """Whether PostgreSQL refuses a statement for lack of rights. What else may be wrong with it does not matter."""
    with psql(shop, role) as connection:
        try:
            connection.execute(statement.encode())
        except psycopg.errors.InsufficientPrivilege:
            return True
        except psycopg.Error:
            return False
        return False


def columns(table: str) -> list[str]:
    if table == "alembic_version":
        return ["version_num"]
    return [column.name for column in Base.metadata.tables[table].columns]


def trying(table: str, right: str) -> str:
    """A statement that needs a right, and that changes nothing."""
    first, every = columns(table)[0], columns(table)
    named = [name.strip() for name in right.partition("(")[2].rstrip(")").split(",") if name]
    match right.partition(" (")[0]:
        case "SELECT":
            return f"SELECT * FROM {table} LIMIT 1"
        case "INSERT":
            column = named[-1] if named else first
            return f"INSERT INTO {table} ({column}) SELECT NULL FROM alembic_version WHERE false"
        case "UPDATE":
            return f"UPDATE {table} SET {', '.join(f'{name} = DEFAULT' for name in named or every)} WHERE false"
        case "DELETE":
            return f"DELETE FROM {table} WHERE false"
        case _:
            return f"TRUNCATE {table}"


FORBIDDEN = (
    "INSERT INTO blacklist (kind, value, match_key, reason, created_at) VALUES ('ip', 'x', 'x', 'x', now())",
    "DELETE FROM blacklist",
    "UPDATE operators SET role = 'admin'",
    "UPDATE operators SET disabled_at = NULL",
    "INSERT INTO operators (name, role, token_hash, created_at) VALUES ('x', 'admin', 'x', now())",
    "UPDATE settings SET value = '1000000 USD'",
    "INSERT INTO settings VALUES ('agent-refund-limit:USD', '1000000 USD', now())",
    "INSERT INTO notify_emails (address, created_at) VALUES ('x@example.com', now())",
    "UPDATE audit SET operator = 'somebody else'",
    "DELETE FROM audit",
    "TRUNCATE audit",
    "INSERT INTO audit (id, at, command, changes, outcome) VALUES (99, now(), 'x', '{}', 'x')",
    "ALTER TABLE audit DISABLE TRIGGER ALL",
    "DROP TRIGGER audit_no_change ON audit",
    "DELETE FROM audit_seals",
    "UPDATE transactions SET amount = 1000000",
    "UPDATE transactions SET created_by = 1",
    "UPDATE transactions SET parent_id = NULL",
    "UPDATE approvals SET amount = 1",
    "UPDATE approvals SET requested_by = 1",
    "INSERT INTO approval_decisions (approval_id, state, decided_at) VALUES (1, 'granted', now())",
    "INSERT INTO approval_decisions (approval_id, state, decided_at) VALUES (1, 'denied', now())",
    "UPDATE approval_decisions SET state = 'granted'",
    "DELETE FROM approval_decisions",
    "UPDATE runs SET command = 'setting set', arguments = '[]'",
    "UPDATE runs SET operator_id = 1",
    "UPDATE runs SET by_ids = false",
    "UPDATE run_records SET given = 'txn_1'",
    "UPDATE run_records SET run_id = 1",
    "UPDATE installation SET rehearsal = true",
    "UPDATE alembic_version SET version_num = 'x'",
    "CREATE TABLE mine (id int)",
    "DROP TABLE customers",
    "SET ROLE csctl_admin",
    "SELECT setval('audit_id_seq', 1)",
)
