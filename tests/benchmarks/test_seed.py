"""The shop that figures are taken on is what an import makes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import inspect

from benchmarks import seed
from csctl import database
from csctl.models import Customer, Fulfillment, Order, PaymentMethod, Purchase, Transaction
from csctl.services.administration import schema
from csctl.settings import Settings
from tests.shops import Shop

_TABLES: tuple[type[Any], ...] = (Customer, PaymentMethod, Order, Purchase, Transaction, Fulfillment)
# Of an import: when it was, and which of the records of a file came first.
_BY_THE_WAY = {"updated_at", "created_at"}
_KINDS = ("customers", "payment-methods", "orders", "purchases", "transactions", "fulfillments")


def rows(url: str) -> dict[str, dict[str, dict[str, Any]]]:
    """Every row of the tables by its external id, with the external ids of what it refers to."""
    engine = database.connect(url)
    with database.reading(engine) as session:
        found = {model.__tablename__: {one.id: one for one in session.query(model)} for model in _TABLES}
        seen = {
            model.__tablename__: {one.external_id: _facts(one, found) for one in found[model.__tablename__].values()}
            for model in _TABLES
        }
    engine.dispose()
    return seen


def _facts(record: Any, found: dict[str, dict[int, Any]]) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    for column in inspect(type(record)).columns:
        name = inspect(type(record)).get_property_by_column(column).key
        value = getattr(record, name)
        for key in column.foreign_keys:
            value = value and found[key.column.table.name][value].external_id
        if column.name != "id":
            facts[column.name] = value
    return facts


def test_the_fast_path_writes_what_an_import_writes(shop: Shop, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'seeded.db'}"
    token = schema.init(Settings(database_url=url), "jane", rehearsal=True).token
    engine = database.connect(url)
    seed.fill(engine, 40)
    engine.dispose()
    env = {"CSCTL_DATABASE_URL": url, "CSCTL_TOKEN": str(token)}
    for kind in _KINDS:
        tokens = "--with-tokens" if kind == "payment-methods" else ""
        file = tmp_path / f"{kind}.csv"
        file.write_text(shop(f"data export {kind} -o csv {tokens}", env=env).out, encoding="utf-8")
        assert shop(f"data import {kind} {file}").code == 0

    seeded, imported = rows(url), rows(shop.database_url)

    assert len(seeded["orders"]) == 60
    assert differences(seeded, imported) == []


def differences(seeded: dict[str, Any], imported: dict[str, Any]) -> list[str]:
    assert {table: set(found) for table, found in seeded.items()} == {
        table: set(found) for table, found in imported.items()
    }
    return [
        f"{table} {key} {name}: {value!r}, imported {imported[table][key][name]!r}"
        for table, found in seeded.items()
        for key, facts in found.items()
        for name, value in facts.items()
        if value != imported[table][key][name] and name not in _BY_THE_WAY
    ]


def test_a_queue_is_what_its_sales_have_reserved(shop: Shop) -> None:
    engine = database.connect(shop.database_url)
    seed.fill(engine, 40, queued=7)
    engine.dispose()

    checked = shop("db check -o json")

    assert checked.code == 0, checked.out
    assert len(shop("queue list -o json").json) == 7
