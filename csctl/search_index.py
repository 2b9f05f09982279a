"""What makes the search for a part of a text fast: an index of trigrams of the customers' folded texts.

On SQLite it is the FTS5 table `customer_search`, which triggers keep current. On PostgreSQL there are two indexes: one
of trigrams, where the extension pg_trgm is there, and one of bigrams, for words of two letters and for servers without
it.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, text

# column of customer_search -> its text. A space at the end: so each bigram begins a trigram.
SQLITE_COLUMNS: Mapping[str, str] = {
    "first_name": "{row}.folded_first_name || ' '",
    "last_name": "{row}.folded_last_name || ' '",
    "email": "{row}.folded_email || ' '",
    "address": "{row}.folded_address || ' '",
    "phone": "{row}.phone_digits || ' '",
    "postal_code": "coalesce(replace(replace(lower({row}.billing_postal_code), ' ', ''), '-', ''), '') || ' '"
    " || coalesce(replace(replace(lower({row}.shipping_postal_code), ' ', ''), '-', ''), '') || ' '",
}
_WATCHED = (
    "id, folded_first_name, folded_last_name, folded_email, folded_address, phone_digits,"
    " billing_postal_code, shipping_postal_code"
)
_NAMES = ", ".join(SQLITE_COLUMNS)


def _texts(row: str) -> str:
    return ", ".join(column.format(row=row) for column in SQLITE_COLUMNS.values())


_TABLE = (
    f"CREATE VIRTUAL TABLE customer_search USING fts5({_NAMES},"
    " content='', columnsize=0, detail=column, tokenize='trigram case_sensitive 1')"
)
_ADD = f"INSERT INTO customer_search (rowid, {_NAMES}) VALUES (new.id, {_texts('new')})"  # noqa: S608 - our own names
_REMOVE = f"INSERT INTO customer_search (customer_search, rowid, {_NAMES}) VALUES ('delete', old.id, {_texts('old')})"  # noqa: S608
_TRIGGERS = {
    "customers_search_added": f"AFTER INSERT ON customers BEGIN {_ADD}; END",
    "customers_search_removed": f"AFTER DELETE ON customers BEGIN {_REMOVE}; END",
    "customers_search_changed": f"AFTER UPDATE OF {_WATCHED} ON customers BEGIN {_REMOVE}; {_ADD}; END",
}
_FILL = f"INSERT INTO customer_search (rowid, {_NAMES}) SELECT id, {_texts('customers')} FROM customers"  # noqa: S608

TRIGRAMS, BIGRAMS = "ix_customers_trigrams", "ix_customers_bigrams"
# The text whose bigrams are looked for: of all that free text is compared with.
BIGRAM_TEXT = "folded_first_name || ' ' || folded_last_name || ' ' || folded_email || ' ' || folded_address"
_FUNCTION = """CREATE OR REPLACE FUNCTION csctl_bigrams(given text) RETURNS text[] LANGUAGE sql
    IMMUTABLE PARALLEL SAFE STRICT AS $$
        SELECT coalesce(array_agg(substr(given, n, 2)), '{}') FROM generate_series(1, length(given) - 1) AS n
    $$"""
_PLAIN_CODE = "replace(replace(lower({}), ' ', ''), '-', '')"
_TRIGRAM_COLUMNS = (
    *("folded_first_name", "folded_last_name", "folded_email", "folded_address", "phone_digits"),
    *(f"({_PLAIN_CODE.format(column)})" for column in ("billing_postal_code", "shipping_postal_code")),
)


def build(connection: Connection) -> None:
    """Make what is missing of the index, from the rows that are there."""
    if connection.dialect.name == "sqlite":
        if not is_there(connection):
            connection.exec_driver_sql(_TABLE)
            connection.exec_driver_sql(_FILL)
            for name, body in _TRIGGERS.items():
                connection.exec_driver_sql(f"CREATE TRIGGER {name} {body}")
        return
    connection.exec_driver_sql(_FUNCTION)
    connection.exec_driver_sql(
        f"CREATE INDEX IF NOT EXISTS {BIGRAMS} ON customers USING gin (csctl_bigrams({BIGRAM_TEXT}))"
    )
    if _has_trigrams(connection):
        columns = ", ".join(f"{column} gin_trgm_ops" for column in _TRIGRAM_COLUMNS)
        connection.exec_driver_sql(f"CREATE INDEX IF NOT EXISTS {TRIGRAMS} ON customers USING gin ({columns})")


def drop(connection: Connection) -> None:
    """Take the index away: searches are slow then, and find the same."""
    if connection.dialect.name == "sqlite":
        for name in _TRIGGERS:
            connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {name}")
        connection.exec_driver_sql("DROP TABLE IF EXISTS customer_search")
    else:
        for name in (TRIGRAMS, BIGRAMS):
            connection.exec_driver_sql(f"DROP INDEX IF EXISTS {name}")


def is_there(connection: Connection) -> bool:
    """Whether parts of a text are found by an index; on PostgreSQL, by the one of trigrams."""
    if connection.dialect.name == "sqlite":
        found = text("SELECT 1 FROM sqlite_master WHERE name = 'customer_search'")
    else:
        found = text(f"SELECT 1 WHERE to_regclass('{TRIGRAMS}') IS NOT NULL")
    return connection.scalar(found) is not None


def _has_trigrams(connection: Connection) -> bool:
    """Whether the server has the extension pg_trgm. It is created where that is allowed."""
    available = text("SELECT installed_version IS NOT NULL FROM pg_available_extensions WHERE name = 'pg_trgm'")
    installed = connection.scalar(available)
    if installed is False and _may_create(connection):
        connection.exec_driver_sql("CREATE EXTENSION IF NOT EXISTS pg_trgm")
        return True
    return bool(installed)


def _may_create(connection: Connection) -> bool:
    """Any login that may create a schema may create this extension."""
    return bool(connection.scalar(text("SELECT has_database_privilege(current_database(), 'CREATE')")))
