"""A database that csctl cannot work with: exit 11, what is wrong with it, and its fix."""

from __future__ import annotations

import ctypes
import os
import sqlite3
from pathlib import Path

import pytest

from tests.databases import Template
from tests.factories import make_sale
from tests.selection import on_postgresql, on_sqlite
from tests.shops import Shop

PAGE = 4096


def file_of(shop: Shop) -> Path:
    return Path(shop.database_url.removeprefix("sqlite:///"))


def damage(shop: Shop, table: str) -> None:
    """Overwrite the first page of a table."""
    shop.close()
    with sqlite3.connect(file_of(shop)) as books:
        books.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        page = books.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)).fetchone()[0]
    content = bytearray(file_of(shop).read_bytes())
    content[(page - 1) * PAGE : (page - 1) * PAGE + 200] = b"\xff" * 200
    file_of(shop).write_bytes(content)


@on_sqlite
def test_a_damaged_table_is_named_by_db_check_and_stops_what_needs_it(shop: Shop) -> None:
    sale = make_sale(shop, token="tok_refund_declined_1")
    assert shop(f"txn refund {sale} --yes").code == 12
    damage(shop, "refund_queue")
    used, checked, doctor = shop("queue list -o json"), shop("db check -o json"), shop("doctor -o json")

    assert (used.code, used.error["message"]) == (11, "the database is damaged")
    assert "backup" in used.error["fix"]
    assert (checked.code, {row["check"] for row in checked.json}) == (11, {"file"})
    assert doctor.code == 11
    assert "the database is damaged" in doctor.out
    assert shop(f"txn show {sale}").code == 0


@on_sqlite
def test_nothing_is_sent_where_the_intent_cannot_be_kept(shop: Shop) -> None:
    sales = [make_sale(shop) for _ in range(3)]
    damage(shop, "transactions")
    done = shop(f"txn refund {' '.join(sales)} --yes -o json")

    assert (done.code, done.out) == (11, ""), done.err
    assert [row["kind"] for row in shop.ledger()] == ["sale"] * 3


@pytest.mark.parametrize("table", ["refund_queue", "operators"])
def test_a_missing_table_is_exit_11(shop: Shop, table: str) -> None:
    if table == "operators" and shop.database_url.startswith("postgresql"):
        pytest.skip("dropping it takes all that refers to it along")
    shop.sql("PRAGMA foreign_keys=OFF" if shop.database_url.startswith("sqlite") else "SELECT 1")
    shop.sql(f"DROP TABLE {table}" + (" CASCADE" if shop.database_url.startswith("postgresql") else ""))
    used, checked = shop("queue list -o json"), shop("db check")

    assert (used.code, used.error["message"]) == (11, "the database lacks a table or column of csctl's schema")
    assert table in used.error["cause"]
    assert checked.code == 11
    assert table in checked.out + checked.err


@on_sqlite
@pytest.mark.parametrize(
    ("content", "message"),
    [("text", "the file is not a SQLite database"), ("directory", "the database must be a file")],
)
def test_what_is_not_a_database_file_is_named_so(shop: Shop, content: str, message: str) -> None:
    there = shop.folder / "other.db"
    if content == "text":
        there.write_text("not a database, and longer than a header\n" * 9)
    else:
        there.mkdir()
    url = {"CSCTL_DATABASE_URL": f"sqlite:///{there}"}

    for words in ("queue list -o json", "db init --admin jane --rehearsal -o json", "db status -o json"):
        done = shop(words, env=url)
        assert (done.code, done.error["message"][: len(message)]) == (11, message), words
        assert done.error["fix"]


@on_sqlite
def test_a_file_that_may_not_be_read_is_not_called_missing(shop: Shop) -> None:
    shop.close()
    file_of(shop).chmod(0)
    process = shop.start("queue list -o json", before=(__name__, "lose_capabilities"))
    out, err = process.communicate(timeout=60)

    assert (process.wait(), out) == (11, "")
    assert "the database file cannot be opened" in err
    assert "owns the file" in err


def lose_capabilities() -> None:
    """Let this process read no more than its user may, where that is root."""
    if os.geteuid() == 0:
        version_3, none = 0x20080522, (ctypes.c_uint32 * 6)()
        assert ctypes.CDLL(None).capset((ctypes.c_uint32 * 2)(version_3, 0), none) == 0


@on_postgresql
@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_a_postgresql_database_that_is_not_utf8_is_refused(shop: Shop, template: Template, encoding: str) -> None:
    assert template.server
    name = f"odd_{encoding.lower()}_{template.worker}"
    template.server.run(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING '{encoding}' LOCALE 'C'")
    url = {"CSCTL_DATABASE_URL": template.server.url(name)}
    refused = [shop(words, env=url) for words in ("db init --admin jane --rehearsal -o json", "queue list -o json")]
    template.server.run(f"DROP DATABASE {name} WITH (FORCE)")

    assert [done.code for done in refused] == [11, 11]
    assert {done.error["message"] for done in refused} == {"the PostgreSQL database is not UTF8"}
    assert "createdb" in refused[0].error["fix"]


@on_postgresql
def test_text_is_sent_as_utf8_whatever_the_environment_says(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGCLIENTENCODING", "LATIN1")
    made = shop("customer create --last-name Wałęsa -o json")

    assert made.code == 0, made.err
    assert shop("customer search --name wałęsa -o json").json[0]["last_name"] == "Wałęsa"
