"""Damaged rows: copies of an ordinary row of every table, each with one value that no csctl ever wrote."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count, product
from typing import Any

from sqlalchemy import JSON, Boolean, Column, Connection, Date, DateTime, Integer, Table, create_engine, text

import csctl.models  # noqa: F401 - the tables
from csctl.models.columns import Base, UtcTime, Words
from tests.billing.catalog import change_card
from tests.factories import (
    make_customer,
    make_fulfillment,
    make_order,
    make_payment_method,
    make_price,
    make_purchase,
    make_sale,
)
from tests.shops import Shop

TABLES = (
    "customers",
    "payment_methods",
    "history",
    "orders",
    "purchases",
    "fulfillments",
    "transactions",
    "deferred_changes",
    "refund_queue",
    "requests",
    "runs",
    "run_records",
    "emails",
    "approvals",
    "approval_decisions",
    "gateway_accounts",
)
# By type of a column, values that are out of range.
_TEXTS = ("", "1/0 … \x1b[31m{", "a" * 2000)
_NUMBERS = (-1, 0)  # counters beyond their range are held by CHECK constraints
_BIG_NUMBERS = (-1, 0, 2**40)
_TIMES = ("0001-01-01 00:00:00", "9999-12-31 23:59:59")
_DAYS = ("0001-01-01", "9999-12-31")
_JSON: tuple[Any, ...] = ([], {}, "x", None, [None], {"amount": []}, ["--nonsense", "x"])
# What makes a row one that the daily work reads.
LIVE: dict[str, dict[str, Any]] = {
    "transactions": {"state": "unknown", "lease_until": None},
    "refund_queue": {"state": "queued", "next_attempt_on": "2026-03-02", "last_attempt_on": None},
    "purchases": {"status": "active", "interval": "month", "next_bill_on": "2026-03-02"},
    "emails": {"state": "waiting", "lease_until": None},
    "runs": {"state": "running", "worker": "here 1 1", "lease_until": None},
}
_unique = count(1)


def fill(shop: Shop) -> dict[str, str]:
    """An ordinary row in every table. Returns the ids of those that lists must go on to show."""
    customer = make_customer(shop, email="healthy@example.com")
    make_payment_method(shop, customer)
    order = make_order(shop, customer)
    refused = make_payment_method(shop, customer, token="tok_refund_declined")
    sale = make_sale(shop, order=order, amount="10.00", payment_method=refused)
    fulfillment = make_fulfillment(shop, order)
    price = make_price(shop)
    purchase = make_purchase(shop, order, interval="month", status="active", next_bill_on="2026-04-01")
    assert shop(f"txn refund {sale} --amount 1 --yes").code in (0, 3, 12)
    assert shop(f"customer note {customer} healthy").code == 0
    assert shop(f"order resend-email {order} --yes").code in (0, 5)
    assert shop(f"fulfillment hold {fulfillment} --yes").code in (0, 5)
    change_card(shop, customer, "tok_charge_timeout_lost")
    assert shop(f"purchase force-bill {purchase} --yes").code == 9
    assert shop(f"purchase billing-date {purchase} 2026-04-20 --yes", at="2026-03-02T09:10:00Z").code == 0
    notes = "\n".join([sale, sale])
    assert shop("txn refund - --amount 1 --request-id healthy --yes", input=notes).code in (0, 3, 12)
    limited = make_sale(shop, order=order)
    shop("setting set agent-refund-limit '1 USD'")
    for _ in range(2):
        shop(f"txn refund {limited} --request-approval --reason late --yes", as_="agent")
        shop("approval deny apr_1 --reason late --yes")
    shop("setting unset agent-refund-limit")
    records = {"customer": customer, "order": order, "sale": sale, "fulfillment": fulfillment, "purchase": purchase}
    return {**records, "price": price, "product": f"sku-{price}"}


def values_for(column: Column[Any], dialect: str) -> tuple[Any, ...]:
    kind = column.type
    if isinstance(kind, Words):
        return ("nonsense", "")
    if isinstance(kind, JSON):
        return tuple(json.dumps(value) for value in _JSON)
    if isinstance(kind, UtcTime | DateTime):
        return (*_TIMES, *(("infinity", "-infinity") if dialect == "postgresql" else ()))
    if isinstance(kind, Date):
        return _DAYS if dialect == "sqlite" else (*_DAYS, "infinity", "-infinity")
    if isinstance(kind, Boolean):
        return ()
    if column.name.endswith("_id") or column.name in ("id", "created_by", "decided_by", "requested_by"):
        return ()
    if column.name == "currency":
        return ("ZZZ", "usd", "")
    if isinstance(kind, Integer):
        return _NUMBERS if dialect == "postgresql" and type(kind) is Integer else _BIG_NUMBERS
    length = getattr(kind, "length", None)
    return tuple(value for value in _TEXTS if length is None or len(value) <= length)


def poison(shop: Shop) -> list[tuple[str, str, Any]]:
    """Insert the damaged rows, past all checks. Returns table, column and value of those that the database took."""
    taken = []
    with unchecked(shop) as connection:
        for name in TABLES:
            table = Base.metadata.tables[name]
            rows = connection.execute(text(f"SELECT * FROM {name} ORDER BY 1")).mappings().all()  # noqa: S608
            assert rows, f"{name} has no ordinary row"
            bases = (rows[0], {**rows[-1], **LIVE.get(name, {})})
            taken += [
                (name, column.name, value)
                for row, column in product(bases, table.columns)
                for value in values_for(column, connection.dialect.name)
                if _insert(connection, table, {**row, column.name: value}, column.name)
            ]
    return taken


def _insert(connection: Connection, table: Table, row: dict[str, Any], changed: str) -> bool:
    fresh = {}
    own = {"key", "given", "place", "attempt_on", *(["cycle"] if table.name == "transactions" else [])}
    for name, value in row.items():
        column = table.columns[name]
        unique = column.unique or any(
            i.unique and name in i.columns and i.dialect_kwargs.get("sqlite_where") is None for i in table.indexes
        )
        if name == "id":
            continue
        if name == changed or not (unique or name in own):
            fresh[name] = json.dumps(value) if isinstance(value, dict | list) else value
        elif name in ("key", "given", "message_id"):
            fresh[name] = f"x{next(_unique)}"
        elif name == "place":
            fresh[name] = 1000 + next(_unique)
    names = ", ".join(f'"{name}"' for name in fresh)
    marks = ", ".join(f":{name}" for name in fresh)
    try:
        with connection.begin_nested():
            connection.execute(text(f"INSERT INTO {table.name} ({names}) VALUES ({marks})"), fresh)  # noqa: S608
    except Exception:
        return False
    return True


@contextmanager
def unchecked(shop: Shop) -> Iterator[Connection]:
    """A connection to the database without its CHECK constraints."""
    engine = create_engine(shop.database_url)
    with engine.connect() as connection, connection.begin():
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("PRAGMA ignore_check_constraints = ON")
        else:
            found = connection.exec_driver_sql(
                "SELECT conrelid::regclass, conname FROM pg_constraint WHERE contype = 'c' AND conrelid > 0"
            ).all()
            for table, name in found:
                connection.execute(text(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"'))
        yield connection
    engine.dispose()
