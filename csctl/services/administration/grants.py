"""Rights in the database itself, which apply to every program. On PostgreSQL only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import inspect, text
from sqlalchemy.orm import Session

from csctl.domain import grants as rules
from csctl.domain.outcomes import Outcome
from csctl.errors import Misconfigured
from csctl.services.shared import audit

if TYPE_CHECKING:
    from csctl.app import App

_SEQUENCES = """
    SELECT c.relname, s.relname FROM pg_class s
    JOIN pg_depend d ON d.objid = s.oid AND d.classid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
    JOIN pg_class c ON c.oid = d.refobjid
    WHERE s.relkind = 'S' AND s.relnamespace = current_schema()::regnamespace
""".replace("::", r"\:\:")

# One row for each group, table, column and right. The groups may exist for another database of the server.
_RIGHTS = """
    SELECT g, c.relname, a.attname, word, has_column_privilege(g, c.oid, a.attnum, word)
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped,
        pg_roles r, unnest(ARRAY['SELECT', 'INSERT', 'UPDATE']) word, CAST(r.rolname AS text) g
    WHERE c.relnamespace = current_schema()::regnamespace AND c.relname = ANY(:tables) AND r.rolname = ANY(:groups)
    UNION ALL SELECT r.rolname, c.relname, '', 'DELETE', has_table_privilege(r.rolname, c.oid, 'DELETE')
    FROM pg_class c, pg_roles r
    WHERE c.relnamespace = current_schema()::regnamespace AND c.relname = ANY(:tables) AND r.rolname = ANY(:groups)
""".replace("::", r"\:\:")


def sql(app: App) -> list[str]:
    """The statements that give the groups their rights. Raises Misconfigured on SQLite, which has none."""
    _only_postgresql(app)
    with app.read() as session:
        return _statements(session)


def apply(app: App, *, dry_run: bool = False) -> list[str]:
    """Execute them, all or none; a dry run rolls them back. Raises Misconfigured if the login is not the owner of the
    tables.
    """
    _only_postgresql(app)
    with app.write(dry_run=dry_run) as session:
        statements = _statements(session)
        connection = session.connection()
        for statement in statements:
            connection.exec_driver_sql(statement)
        audit.write(session, app, Outcome.UPDATED, target="grants", statements=len(statements))
    return statements


def are_current(session: Session) -> bool:
    """Whether the groups have the rights of this version, or none here. The session is one of PostgreSQL."""
    names = {"tables": list(rules.TABLES), "groups": list(rules.GROUPS.values())}
    columns: dict[str, set[str]] = {table: set() for table in rules.TABLES}
    held = set()
    for group, table, column, word, has in session.execute(text(_RIGHTS), names):
        columns[table] |= {column} - {""}
        if has:
            held.add((group, table, column, word))
    return not held or held == rules.expected({table: sorted(found) for table, found in columns.items()})


def _statements(session: Session) -> list[str]:
    schema = session.scalar(text("SELECT current_schema()"))
    sequences = {str(table): str(sequence) for table, sequence in session.execute(text(_SEQUENCES))}
    there = inspect(session.connection())
    columns = {table: [str(column["name"]) for column in there.get_columns(table)] for table in rules.TABLES}
    return rules.statements(str(schema), sequences, columns)


def _only_postgresql(app: App) -> None:
    if app.engine.dialect.name != "postgresql":
        raise Misconfigured(
            "SQLite has no logins, so it cannot enforce roles",
            cause="a person who can write to the file can change everything in it",
            fix="keep the file where only users of csctl can write to it, or use PostgreSQL (docs/security.md)",
        )
