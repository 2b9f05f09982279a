"""Seals of the audit log, and the changes that they reveal."""

from __future__ import annotations

import json
import threading
import time

import pytest
from sqlalchemy import create_engine, text

from csctl.domain import sealing
from csctl.domain.sealing import Seal
from tests.administration.seals import INSERT, findings, note, seal, tamper
from tests.selection import on_postgresql, on_sqlite
from tests.shops import Shop


def test_an_unchanged_audit_log_is_verified_and_reports_what_is_not_sealed_yet(shop: Shop) -> None:
    note(shop, 3)
    root = seal(shop)
    note(shop)

    done = shop(f"audit verify --root {root}")

    assert (done.code, done.out) == (0, "")
    assert "Looked at 1 seal;" in done.err
    assert "2 rows are not sealed yet" in done.err  # the note, and word of the seal
    assert root in done.err


def test_a_second_seal_without_news_makes_none(shop: Shop) -> None:
    note(shop)
    root = seal(shop)

    again = shop("audit seal -o json", as_="service")

    assert again.code == 0
    assert (again.json["seals"], again.json["rows"], again.json["root"]) == (0, 0, root)


def test_each_seal_covers_what_came_since_the_last(shop: Shop) -> None:
    roots = []
    for _ in range(3):
        note(shop, 2)
        roots.append(seal(shop))

    assert findings(shop, *roots) == {}
    assert len(set(roots)) == 3
    rows = shop.sql("SELECT number, first_id, last_id FROM audit_seals ORDER BY number")
    assert [row["number"] for row in rows] == [1, 2, 3]
    assert [row["first_id"] for row in rows[1:]] == [row["last_id"] + 1 for row in rows[:-1]]


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("outcome", "refunded"),
        ("operator", "somebody else"),
        ("at", "2026-03-01 00:00:00.000000"),
        ("changes", '{"after":"1000.00"}'),
        ("target", "txn_1"),
        ("command", "txn void"),
    ],
)
def test_a_changed_row_is_named_whatever_was_changed(shop: Shop, column: str, value: str) -> None:
    note(shop, 3)
    root = seal(shop)

    cast = f"CAST(:value AS {_type(shop, column)})"
    tamper(shop, f"UPDATE audit SET {column} = {cast} WHERE id = 3", value=value)  # noqa: S608 - ours

    found = findings(shop, root)
    assert list(found) == ["aud_3"]
    assert "changed since seal_1" in found["aud_3"]


def _type(shop: Shop, column: str) -> str:
    if shop.database_url.startswith("sqlite"):
        return "TEXT"
    return {"at": "TIMESTAMPTZ", "changes": "JSON"}.get(column, "TEXT")


def test_a_removed_row_is_named(shop: Shop) -> None:
    note(shop, 3)
    root = seal(shop)

    tamper(shop, "DELETE FROM audit WHERE id IN (2, 3)")

    assert findings(shop, root) == {"aud_2": "removed since seal_1", "aud_3": "removed since seal_1"}


def test_a_row_that_is_slipped_into_a_sealed_place_is_named(shop: Shop) -> None:
    note(shop, 4)
    tamper(shop, "DELETE FROM audit WHERE id = 5")  # as if it had been rolled back: numbers have gaps
    note(shop)
    root = seal(shop)

    tamper(shop, INSERT, id=5, at="2026-03-02 09:00:00")

    assert findings(shop, root) == {"aud_5": "slipped in: seal_1 knows no such row"}


def test_a_back_dated_row_is_named_before_and_after_it_is_sealed(shop: Shop) -> None:
    shop.now = "2026-03-05T10:00:00Z"
    note(shop, 2)
    root = seal(shop)

    shop.now = "2026-03-05T11:00:00Z"
    tamper(shop, INSERT, id=100, at="2026-03-04 09:00:00.000000")

    assert "back-dated" in findings(shop, root)["aud_100"]
    seal(shop)
    assert "back-dated" in findings(shop, root)["aud_100"]


def test_rows_that_change_places_are_both_named(shop: Shop) -> None:
    note(shop, 3)
    root = seal(shop)

    tamper(shop, "UPDATE audit SET id = -1 WHERE id = 2")
    shop.sql("UPDATE audit SET id = 2 WHERE id = 3")
    shop.sql("UPDATE audit SET id = 3 WHERE id = -1")

    assert list(findings(shop, root)) == ["aud_2", "aud_3"]


def test_a_changed_seal_is_named(shop: Shop) -> None:
    note(shop, 2)
    root = seal(shop)
    note(shop)
    newer = seal(shop)

    tamper(shop, "UPDATE audit_seals SET leaves = 'nothing' WHERE number = 1")

    found = findings(shop, root, newer)
    assert found["seal_1"] == "changed: its hash is not that of what it says"


def test_a_seal_that_was_taken_out_is_named(shop: Shop) -> None:
    roots = []
    for _ in range(3):
        note(shop)
        roots.append(seal(shop))

    tamper(shop, "DELETE FROM audit_seals WHERE number = 2")

    found = findings(shop, *roots)
    of_seal = [row["problem"] for row in shop("audit verify -o json").json if row["target"] == "seal_2"]
    assert [problem.partition(":")[0] for problem in of_seal] == ["removed, or past reading", "removed"]
    assert roots[1] in found
    assert not any(target.startswith("aud_") for target in found)


def test_seals_cut_off_at_the_end_are_noticed_against_a_kept_root(shop: Shop) -> None:
    note(shop)
    older = seal(shop)
    note(shop)
    newest = seal(shop)

    tamper(shop, "DELETE FROM audit WHERE id > (SELECT last_id FROM audit_seals WHERE number = 1)")
    shop.sql("DELETE FROM audit_seals WHERE number = 2")

    assert findings(shop, older) == {}
    assert list(findings(shop, older, newest)) == [newest]


def test_removed_last_seals_are_found_by_the_audit_rows_that_name_them(shop: Shop) -> None:
    note(shop)
    seal(shop)

    tamper(shop, "DELETE FROM audit_seals")

    assert list(findings(shop)) == ["seal_1"]


def test_an_audit_log_changed_and_sealed_again_fails_against_the_kept_root(shop: Shop) -> None:
    note(shop, 2)
    root = seal(shop)

    tamper(shop, "UPDATE audit SET operator = 'mallory' WHERE id = 2")
    shop.sql("DELETE FROM audit_seals")
    seal(shop)

    assert root in findings(shop, root)


@on_sqlite
def test_values_that_are_not_text_or_time_are_named_and_break_nothing(shop: Shop) -> None:
    note(shop, 3)
    root = seal(shop)

    tamper(shop, "UPDATE audit SET target = CAST(x'ff00fe' AS TEXT), at = 'never' WHERE id = 2")
    shop.sql("UPDATE audit SET changes = 'no json' WHERE id = 3")
    shop.sql("UPDATE audit_seals SET leaves = leaves || char(10) || 'x y'")

    assert set(findings(shop, root)) == {"aud_2", "aud_3", "seal_1"}


def test_the_audit_log_only_grows(shop: Shop) -> None:
    note(shop)
    seal(shop)
    sqlite = shop.database_url.startswith("sqlite")
    statements = ["UPDATE {0} SET {1} = {1}", "DELETE FROM {0}", *([] if sqlite else ["TRUNCATE {0} CASCADE"])]

    for table, column in (("audit", "outcome"), ("audit_seals", "hash")):
        for statement in statements:
            with pytest.raises(Exception, match="append-only"):
                shop.sql(statement.format(table, column))
    if sqlite:
        for table in ("audit", "audit_seals"):
            with pytest.raises(Exception, match="append-only"):
                shop.sql(f"REPLACE INTO {table} SELECT * FROM {table}")  # noqa: S608 - ours


_WAITING = "SELECT count(*) AS n FROM pg_locks WHERE NOT granted AND pid <> pg_backend_pid()"


@on_postgresql
def test_a_seal_waits_for_those_who_are_writing(shop: Shop) -> None:
    """Otherwise a row of theirs, with a lower number than sealed ones, would look as if it had been slipped in."""
    late = create_engine(shop.database_url)
    with late.connect() as connection:
        connection.execute(text("INSERT INTO audit (at, command, changes, outcome) VALUES (now(), 'x', '{}', 'late')"))
        note(shop)
        roots: list[str] = []
        sealing_ = threading.Thread(target=lambda: roots.append(_seal_apart(shop)))
        sealing_.start()
        while sealing_.is_alive() and not shop.sql(_WAITING)[0]["n"]:
            time.sleep(0.05)
        assert sealing_.is_alive()
        connection.commit()
        sealing_.join()
    late.dispose()

    assert findings(shop, *roots) == {}
    assert "late" in {row["outcome"] for row in shop.sql("SELECT outcome FROM audit WHERE id <= 5")}


def _seal_apart(shop: Shop) -> str:
    process = shop.start("audit seal -o json", as_="service")
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    return str(json.loads(out)["root"])


@pytest.mark.both_databases
def test_two_who_seal_at_once_make_one_chain(shop: Shop) -> None:
    note(shop, 3)

    processes = [shop.start("audit seal -o json", as_="service") for _ in range(3)]
    codes = []
    for process in processes:
        process.communicate(timeout=60)
        codes.append(process.returncode)

    assert set(codes) <= {0, 10}
    assert 0 in codes
    assert findings(shop) == {}


def test_a_long_audit_log_is_sealed_in_batches(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealing, "BATCH", 4)
    note(shop, 10)

    done = shop("audit seal -o json", as_="service").json
    note(shop, 6)

    assert (done["seals"], done["rows"]) == (3, 11)
    assert findings(shop, done["root"]) == {}


def test_an_agent_may_neither_seal_nor_verify(shop: Shop) -> None:
    assert [shop(f"audit {verb}", as_="agent").code for verb in ("seal", "verify", "list")] == [6, 6, 6]


ROW = {"id": 1, "at": "2026-03-02 09:00:00.000000", "command": "x"}


def test_a_seal_is_chained_to_the_one_before() -> None:
    first, another = (Seal.over([{**ROW, "command": name}], None, "2026-03-02 10:00:00.000000") for name in "xy")
    second = Seal.over([{**ROW, "id": 2}], first, "2026-03-02 11:00:00.000000")

    assert sealing.check_link(second, first) == []
    assert [found.target for found in sealing.check_link(second, another)] == ["seal_2"]


def test_a_seal_is_bound_to_all_it_says() -> None:
    made = Seal.over([ROW], None, "2026-03-02 10:00:00.000000")

    assert made.holds
    for name in ("number", "at", "first_id", "last_id", "last_at", "leaves", "previous", "hash"):
        changed = {**{field: getattr(made, field) for field in Seal.__dataclass_fields__}, name: "1"}
        assert not Seal(**changed).holds, name
    assert made.previous == sealing.GENESIS
