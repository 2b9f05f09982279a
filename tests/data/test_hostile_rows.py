"""Whatever a file holds: every row is taken or rejected with a reason, and nothing raw comes out again."""

from __future__ import annotations

import json
import resource
from pathlib import Path

import pytest

from csctl.domain.record_kinds import KINDS
from tests.commands.test_hostile_input import HOSTILE
from tests.data.files import CUSTOMER, METHOD, ORDER, PRICE, PURCHASE, QUEUED, SALE, bring_all, counts, written
from tests.selection import on_sqlite
from tests.shops import Shop

VALID = {
    "customers": CUSTOMER,
    "payment-methods": METHOD,
    "products": PRICE,
    "orders": ORDER,
    "purchases": PURCHASE,
    "transactions": SALE,
    "fulfillments": {"external_id": "f1", "order": "o1"},
    "queue": QUEUED,
}


@on_sqlite
def test_an_import_that_fills_the_disk_keeps_its_batches_and_continues(shop: Shop) -> None:
    total = 4_000
    written("c.csv", *({"external_id": f"{number}", "first_name": f"Ann {number}"} for number in range(total)))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, hard))  # what a full disk refuses, a limit refuses as well
    try:
        done = shop("data import customers c.csv")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    kept = shop.sql("SELECT count(*) AS number FROM customers")[0]["number"]
    assert 0 < kept < total
    assert (done.code, f"Stopped after {kept:,} rows" in done.err, "cannot write" in done.err) == (3, True, True), (
        done.err
    )
    assert counts(shop("data import customers c.csv -o json")) == {"created": total - kept, "unchanged": kept}


@pytest.mark.parametrize("kind", KINDS)
def test_any_text_in_any_field_is_taken_or_rejected(shop: Shop, kind: str) -> None:
    for needed in ("customers", "products", "orders", *(["transactions"] if kind == "queue" else [])):
        bring_all(shop, needed, VALID[needed])
    key = KINDS[kind].key
    rows = [
        {**VALID[kind], key: f"{field}-{name}", field: text}
        for field in KINDS[kind].fields
        for name, text in HOSTILE.items()
    ]
    Path("rows.jsonl").write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")

    done = shop(f"data import {kind} rows.jsonl -o json")

    assert done.code == 3, done.err
    counts = done.json
    assert counts["read"] == len(rows)
    assert counts["created"] + counts["unchanged"] + counts["rejected"] == len(rows)
    assert all(
        json.loads(line)["reason"] for line in Path(counts["rejects_file"]).read_text(encoding="utf-8").splitlines()
    )
    assert "\x1b" not in done.err
    assert "\x1b" not in shop(f"data export {kind} -o table").out
    assert shop("db check").code == 0


@pytest.mark.parametrize("kind", KINDS)
def test_bytes_that_are_not_a_file_of_rows_are_refused(shop: Shop, kind: str) -> None:
    Path("bytes.csv").write_bytes(bytes(range(256)) * 100)

    assert shop(f"data import {kind} bytes.csv").code == 2
    assert shop(f"data import {kind} bytes.csv --format jsonl").code == 3
