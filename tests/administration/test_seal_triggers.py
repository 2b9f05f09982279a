"""The triggers of the audit log, and rows that cannot be read."""

from __future__ import annotations

import pytest

from tests.administration.seals import findings, note, seal, tamper
from tests.selection import on_postgresql, on_sqlite
from tests.shops import Shop


def test_a_trigger_that_is_gone_is_named(shop: Shop) -> None:
    note(shop)
    root = seal(shop)

    tamper(shop, "UPDATE audit SET outcome = outcome WHERE id = 0")

    done = shop(f"audit verify --root {root} -o json")
    assert done.code == 5
    assert {row["check"] for row in done.json} == {"trigger"}
    assert "audit_no_" in done.json[0]["target"]


_DISARMED = {
    "sqlite": (
        "DROP TRIGGER audit_no_update",
        "CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit WHEN 0 BEGIN SELECT RAISE(ABORT, 'x'); END",
        "audit_no_update",
    ),
    "postgresql": (
        "DROP TRIGGER audit_no_change ON audit",
        "CREATE TRIGGER audit_no_change BEFORE UPDATE OR DELETE ON audit FOR EACH ROW WHEN (false)"
        " EXECUTE FUNCTION audit_append_only()",
        "audit_no_change",
    ),
}


def test_a_trigger_that_was_disarmed_is_named(shop: Shop, backend: str) -> None:
    note(shop)
    root = seal(shop)

    drop, create, name = _DISARMED[backend]
    shop.sql(drop)
    shop.sql(create)

    done = shop(f"audit verify --root {root} -o json")
    assert (done.code, [row["target"] for row in done.json]) == (5, [name])


@on_postgresql
@pytest.mark.parametrize("function", ["audit_append_only", "audit_acceptable"])
def test_a_trigger_whose_function_was_disarmed_is_named(shop: Shop, function: str) -> None:
    note(shop)
    seal(shop)

    shop.sql(
        f"CREATE OR REPLACE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " IF false THEN RAISE EXCEPTION 'the audit trail is append-only'; END IF; RETURN NEW; END $$"
    )

    done = shop("audit verify -o json")
    assert done.code == 5
    assert {row["check"] for row in done.json} == {"trigger"}


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("UPDATE audit_seals SET leaves = leaves || char(10) || :nines || ' abc' WHERE number = 2", "seal_2"),
        ("UPDATE audit_seals SET first_id = 'x' WHERE number = 2", "seal_2"),
        ("UPDATE audit_seals SET last_at = x'ff00', leaves = x'ff', hash = 7 WHERE number = 2", "seal_2"),
        ("UPDATE audit_seals SET first_id = -9223372036854775808 WHERE number = 3", "seal_3"),
        ("UPDATE audit_seals SET last_id = 'x' WHERE number = 3", "seal_3"),
        ("UPDATE audit SET command = 'audit seal', outcome = 'created', changes = :deep WHERE id = 2", "aud_2"),
        ("DROP TABLE audit_seals", "audit_seals"),
        ("DROP TABLE audit", "audit"),
        ("ALTER TABLE audit_seals DROP COLUMN leaves", "audit_seals"),
    ],
)
@on_sqlite
def test_whatever_was_done_to_it_is_named_and_stops_no_check(shop: Shop, statement: str, named: str) -> None:
    for _ in range(3):
        note(shop)
        seal(shop)

    values = {name: value for name, value in _HARD_TO_READ.items() if f":{name}" in statement}
    tamper(shop, statement, **values)

    assert named in findings(shop)
    assert shop("audit seal").code in (0, 5)


_HARD_TO_READ = {"nines": "9" * 5000, "deep": "[" * 3000 + "]" * 3000}
