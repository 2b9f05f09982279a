"""Imports that run at the same time, or are stopped."""

from __future__ import annotations

import json

import pytest

from tests.data.files import CUSTOMER, written
from tests.selection import on_sqlite
from tests.shops import Shop


@pytest.mark.both_databases
def test_two_imports_of_one_file_store_each_record_once_and_reject_none(shop: Shop) -> None:
    rows = [{**CUSTOMER, "external_id": f"c{number}", "email": f"c{number}@example.com"} for number in range(4000)]
    path = written("customers.csv", *rows)

    started = [shop.start(f"data import customers {path} -o json") for _ in range(2)]
    done = [json.loads(process.communicate()[0]) for process in started]

    assert [one["rejected"] for one in done] == [0, 0]
    assert sum(one["created"] for one in done) == len(rows)
    assert shop.sql("SELECT count(*) AS found FROM customers")[0]["found"] == len(rows)
    found = shop("customer search c3999@example -o json")
    assert len(found.json) == 1, "the index has what was imported"


@on_sqlite
def test_a_record_that_the_database_refuses_is_rejected_alone(shop: Shop) -> None:
    shop.sql(
        "CREATE TRIGGER odd BEFORE INSERT ON customers WHEN new.first_name = 'Odd'"
        " BEGIN SELECT raise(ABORT, 'refused'); END"
    )
    rows = [{**CUSTOMER, "external_id": f"c{number}", "first_name": "Ann"} for number in range(1500)]
    rows[700]["first_name"] = "Odd"

    done = shop(f"data import customers {written('customers.csv', *rows)} -o json")

    assert (done.json["created"], done.json["rejected"]) == (1499, 1)
