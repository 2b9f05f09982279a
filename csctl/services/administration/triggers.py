"""The triggers that protect the audit log, as they are in the database now."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, text

from csctl.domain import money_triggers, trail_triggers

# PostgreSQL stores the function of a trigger separately; a trigger that is switched off does nothing.
_DEFINITIONS = {
    "sqlite": "SELECT tbl_name AS on_table, name, sql AS definition FROM sqlite_master WHERE type = 'trigger'",
    "postgresql": """
        SELECT relname AS on_table, tgname AS name,
            pg_get_triggerdef(pg_trigger.oid, true) || ' ' || prosrc AS definition
        FROM pg_trigger JOIN pg_proc ON pg_proc.oid = tgfoid AND tgenabled IN ('O', 'A')
        JOIN pg_class ON pg_class.oid = tgrelid AND relnamespace = CAST(current_schema() AS regnamespace)
        WHERE NOT tgisinternal""",
}


def definitions(connection: Connection) -> dict[str, str]:
    """The active triggers: definitions by name."""
    rows = connection.execute(text(_DEFINITIONS[connection.dialect.name]))
    return {row.name: row.definition for row in rows}


def differences(connection: Connection) -> Iterator[tuple[str, str]]:
    """The triggers that are missing, switched off or changed, each with its problem."""
    there = definitions(connection)
    money = money_triggers.TRIGGERS if connection.dialect.name == "postgresql" else {}
    for name, definition in {**trail_triggers.TRIGGERS[connection.dialect.name], **money}.items():
        if not trail_triggers.same(there.get(name, ""), definition):
            yield name, "missing, switched off or changed"
