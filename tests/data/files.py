"""Files to import, written into the working directory of a test."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

from tests.running import Done
from tests.shops import Shop

CUSTOMER = {"external_id": "c1", "first_name": "Zoë", "email": "zoe@example.com"}
ORDER = {"external_id": "o1", "customer": "c1", "currency": "USD", "placed_at": "2026-01-31"}
SALE = {
    "external_id": "t1",
    "order": "o1",
    "kind": "sale",
    "state": "approved",
    "amount": "20.00",
    "currency": "USD",
    "gateway": "main",
    "settlement": "settled",
    "created_at": "2026-02-01T10:00:00Z",
}
PRICE = {"sku": "tea", "price": "tea-monthly", "amount": "10.00", "currency": "USD", "interval": "month"}
METHOD = {"external_id": "m1", "customer": "c1", "gateway": "main", "token": "tok_ok", "last4": "4242"}
PURCHASE = {"external_id": "p1", "order": "o1", "description": "Tea", "unit_price": "10.00"}

QUEUED = {"external_id": "q1", "transaction": "t1", "amount": "2.00", "currency": "USD"}


def written(name: str, *rows: dict[str, Any]) -> Path:
    """A CSV file with these rows."""
    columns = list(dict.fromkeys(column for row in rows for column in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    path = Path(name)
    path.write_text(text.getvalue(), encoding="utf-8")
    return path


def bring(shop: Shop, kind: str, *rows: dict[str, Any], more: str = "") -> Done:
    """Import these rows."""
    return shop(f"data import {kind} {written(f'{kind}.csv', *rows)} -o json {more}")


def bring_all(shop: Shop, kind: str, *rows: dict[str, Any]) -> None:
    """Import these rows, all of which must go in."""
    done = bring(shop, kind, *rows)
    assert done.code == 0, done.err


def reasons(done: Done) -> list[str]:
    """Why rows were rejected, as the file of rejects says."""
    return [row["reason"] for row in rejected(done)]


def rejected(done: Done) -> list[dict[str, Any]]:
    """The rows in the file of rejects."""
    path = Path(done.json["rejects_file"])
    with path.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
        return [json.loads(line) for line in file] if path.suffix == ".jsonl" else list(csv.DictReader(file))


def counts(done: Done) -> dict[str, int]:
    """How many rows became what, those that are none left out."""
    return {name: done.json[name] for name in ("created", "updated", "unchanged", "rejected") if done.json[name]}


def names(shop: Shop) -> list[str]:
    """The first names of the customers, in the order in which they came in."""
    return [row["first_name"] for row in shop.sql("SELECT first_name FROM customers ORDER BY id")]
