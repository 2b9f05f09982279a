"""The CHECK constraints of columns: no program can store a value that stops csctl."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import CheckConstraint, MetaData, Table

from csctl.models.columns import Words

# The type of JSON in a column. A trigger checks that of the audit log.
_JSON = {("emails", "context"): "object", ("runs", "arguments"): "array", ("run_records", "transactions"): "array"}
# Numbers that csctl counts up, with a limit far above real values.
_COUNTERS = {
    "customers": ("version",),
    "purchases": ("cycle", "recycle_attempts", "version"),
    "transactions": ("cycle",),
    "refund_queue": ("attempts",),
    "emails": ("attempts",),
}
_MOST = 1_000_000_000
# Bytes of a row, on PostgreSQL, where a login may write rows itself. Fields of csctl are much shorter.
_LONGEST = {"emails": 10_000_000, "runs": 1_000_000}
_LONG = 100_000
_WITHOUT_LENGTH = ("audit", "audit_seals", "installation")  # a trigger checks the first two


def add_to(metadata: MetaData) -> None:
    """Add the checks to the tables. Each migration that adds such a column adds its check too (`schema_checks`)."""
    for table in metadata.tables.values():
        for check in (*_words(table), *_currencies(table), *_json(table), *_counters(table), *_length(table)):
            table.append_constraint(check)


def _words(table: Table) -> Iterator[CheckConstraint]:
    for column in table.columns:
        own = f"ck_{table.name}_{column.name}" in {str(check.name) for check in table.constraints}
        if isinstance(column.type, Words) and not own:
            words = ", ".join(f"'{word.value}'" for word in column.type.enum_class)
            yield CheckConstraint(f"{column.name} IN ({words})", name=f"{column.name}_word")


def _currencies(table: Table) -> Iterator[CheckConstraint]:
    if "currency" in table.columns:
        yield CheckConstraint("length(currency) = 3 AND currency = upper(currency)", name="currency_code")


def _json(table: Table) -> Iterator[CheckConstraint]:
    for (owner, column), kind in _JSON.items():
        if owner == table.name:
            yield CheckConstraint(f"json_type({column}) = '{kind}'", name=f"{column}_{kind}").ddl_if("sqlite")
            yield CheckConstraint(f"json_typeof({column}) = '{kind}'", name=f"{column}_json").ddl_if("postgresql")


def _counters(table: Table) -> Iterator[CheckConstraint]:
    for column in _COUNTERS.get(table.name, ()):
        yield CheckConstraint(f"{column} BETWEEN 0 AND {_MOST}", name=f"{column}_range")


def _length(table: Table) -> Iterator[CheckConstraint]:
    if table.name not in _WITHOUT_LENGTH:
        longest = _LONGEST.get(table.name, _LONG)
        whole = f"octet_length(CAST({table.name} AS text))"
        yield CheckConstraint(f"{whole} <= {longest}", name="row_length").ddl_if("postgresql")
