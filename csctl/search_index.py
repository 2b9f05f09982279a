"""The index for searches by a part of a text: trigrams of the customers' folded texts.

On SQLite it is the FTS5 table `customer_search`, which triggers keep current. On PostgreSQL there are two indexes: one
of trigrams, where the extension pg_trgm is there, and one of bigrams, for words of two letters and for servers without
it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from sqlalchemy import Connection, inspect, text

from csctl.domain.fields import TEXTS

# A postal code without blanks and dashes.
PLAIN_CODE = "replace(replace(lower({}), ' ', ''), '-', '')"
_CODES = ("billing_postal_code", "shipping_postal_code")
_TRIGGERS = ("customers_search_added", "customers_search_removed", "customers_search_changed")
TRIGRAMS, BIGRAMS = "ix_customers_trigrams", "ix_customers_bigrams"


def bigram_text(texts: Sequence[str] = TEXTS) -> str:
    """The text of the index of bigrams: all columns of a search by free text."""
    return " || ' ' || ".join(f"folded_{name}" for name in (*texts, "address"))


_FUNCTION = """CREATE OR REPLACE FUNCTION csctl_bigrams(given text) RETURNS text[] LANGUAGE sql
    IMMUTABLE PARALLEL SAFE STRICT COST 1000 AS $$
        SELECT coalesce(array_agg(substr(given, n, 2)), '{}') FROM generate_series(1, length(given) - 1) AS n
    $$"""


def build(connection: Connection) -> None:
    """Create the missing parts of the index, from the existing rows. An index of other columns is replaced.

    A migration calls it, too, on a table that may lack the columns of later ones.
    """
    columns = {column["name"] for column in inspect(connection).get_columns("customers")}
    texts = [name for name in TEXTS if f"folded_{name}" in columns]
    if _indexed(connection) not in (set(), set(texts)):
        drop(connection)
    if connection.dialect.name == "sqlite":
        _build_on_sqlite(connection, texts)
    else:
        _build_on_postgresql(connection, texts)


def _build_on_sqlite(connection: Connection, texts: Sequence[str]) -> None:
    if is_there(connection):
        return
    names = _names(texts)
    add = f"INSERT INTO customer_search (rowid, {names}) VALUES (new.id, {_cells('new', texts)})"  # noqa: S608 - our own names
    removed = f"'delete', old.id, {_cells('old', texts)}"
    remove = f"INSERT INTO customer_search (customer_search, rowid, {names}) VALUES ({removed})"  # noqa: S608
    watched = ", ".join(("id", *(f"folded_{name}" for name in (*texts, "address")), "phone_digits", *_CODES))
    events = (
        f"AFTER INSERT ON customers BEGIN {add}; END",
        f"AFTER DELETE ON customers BEGIN {remove}; END",
        f"AFTER UPDATE OF {watched} ON customers BEGIN {remove}; {add}; END",
    )
    for statement in (
        f"CREATE VIRTUAL TABLE customer_search USING fts5({names},"
        " content='', columnsize=0, detail=column, tokenize='trigram case_sensitive 1')",
        f"INSERT INTO customer_search (rowid, {names}) SELECT id, {_cells('customers', texts)} FROM customers",  # noqa: S608
        *(f"CREATE TRIGGER {name} {event}" for name, event in zip(_TRIGGERS, events, strict=True)),
    ):
        connection.exec_driver_sql(statement)


@contextmanager
def indexed_together(connection: Connection) -> Iterator[None]:
    """Index the customers that are inserted in this block, and its transaction, with one statement.

    On SQLite a trigger writes the index to its table after each row, which takes ten times as long.
    """
    if connection.dialect.name != "sqlite" or not is_there(connection):
        yield
        return
    trigger = connection.scalar(text("SELECT sql FROM sqlite_master WHERE name = :name"), {"name": _TRIGGERS[0]})
    last = connection.scalar(text("SELECT coalesce(max(id), 0) FROM customers"))
    connection.exec_driver_sql(f"DROP TRIGGER {_TRIGGERS[0]}")
    yield
    added = f"SELECT id, {_cells('customers', TEXTS)} FROM customers WHERE id > {last}"  # noqa: S608 - our own names
    connection.exec_driver_sql(f"INSERT INTO customer_search (rowid, {_names(TEXTS)}) {added}")
    connection.exec_driver_sql(str(trigger))


def _names(texts: Sequence[str]) -> str:
    return ", ".join((*texts, "address", "phone", "postal_code"))


def _cells(row: str, texts: Sequence[str]) -> str:
    """The values of a row. A space at the end of each: so each bigram begins a trigram."""
    codes = (f"coalesce({PLAIN_CODE.format(f'{row}.{code}')}, '')" for code in _CODES)
    plain = [
        f"{row}.{column} || ' '" for column in (*(f"folded_{name}" for name in (*texts, "address")), "phone_digits")
    ]
    return ", ".join((*plain, " || ' ' || ".join(codes) + " || ' '"))


def _build_on_postgresql(connection: Connection, texts: Sequence[str]) -> None:
    connection.exec_driver_sql(_FUNCTION)
    connection.exec_driver_sql(
        f"CREATE INDEX IF NOT EXISTS {BIGRAMS} ON customers USING gin (csctl_bigrams({bigram_text(texts)}))"
    )
    if _has_trigrams(connection):
        plain = [f"folded_{name}" for name in (*texts, "address")]
        columns = (*plain, "phone_digits", *(f"({PLAIN_CODE.format(code)})" for code in _CODES))
        trigrams = ", ".join(f"{column} gin_trgm_ops" for column in columns)
        connection.exec_driver_sql(f"CREATE INDEX IF NOT EXISTS {TRIGRAMS} ON customers USING gin ({trigrams})")


def _indexed(connection: Connection) -> set[str]:
    """The details that the existing index has; none if there is no index."""
    if connection.dialect.name == "sqlite":
        found = connection.scalars(text("SELECT name FROM pragma_table_info('customer_search')")).all()
        return {name for name in TEXTS if name in found}
    definition = connection.scalar(text("SELECT pg_get_indexdef(to_regclass(:name))").bindparams(name=BIGRAMS))
    return {name for name in TEXTS if f"folded_{name}" in (definition or "")}


def drop(connection: Connection) -> None:
    """Remove the index: searches find the same without it, and are slow."""
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
