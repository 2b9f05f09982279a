"""Notes about customers, and their history."""

from __future__ import annotations

import stat
from pathlib import Path

import pexpect
import pytest

from tests.factories import make_customer
from tests.shops import Shop
from tests.views.records import make_event


def test_a_note_goes_into_the_history_with_its_author_and_time(shop: Shop) -> None:
    jane = make_customer(shop)
    make_event(shop, jane, "signed up")

    done = shop("customer", "note", jane, "Called.\nWants tea.", "-o", "json", as_="agent", at="2026-03-02T10:00:00Z")

    assert [(row["id"], row["ok"], row["outcome"]) for row in done.json] == [(jane, True, "created")]
    first, second = shop(f"customer history {jane} -o json").json
    assert (first["kind"], first["text"], first["operator"]) == ("note", "Called.\nWants tea.", "agent")
    assert first["at"] == "2026-03-02T10:00:00Z"
    assert (second["kind"], second["operator"]) == ("event", None)


def test_a_note_may_come_on_standard_input(shop: Shop) -> None:
    jane = make_customer(shop)

    assert shop(f"customer note {jane}", input="Called.\r\nWants tea.\r\n").code == 0

    assert shop(f"customer history {jane} -o json").json[0]["text"] == "Called.\nWants tea."


def test_on_a_terminal_the_editor_is_asked(shop: Shop, tmp_path: Path) -> None:
    jane = make_customer(shop)
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\nsleep 1.1\necho "Wrote this." > "$1"\n')  # click looks at the file's time
    editor.chmod(editor.stat().st_mode | stat.S_IXUSR)

    child = shop.terminal(f"customer note {jane}", env={"EDITOR": str(editor)})
    child.expect(pexpect.EOF)
    child.wait()

    assert shop(f"customer history {jane} -o json").json[0]["text"] == "Wrote this."


@pytest.mark.parametrize("text", ["", "  \n ", "it is 4242 4242 4242 4242", "x" * 10_001, b"\xff", "a\0b"])
def test_an_invalid_note_is_refused_and_nothing_is_stored(shop: Shop, text: str | bytes) -> None:
    jane = make_customer(shop)

    done = shop(f"customer note {jane} -o json", input=text)

    assert (done.code, done.out) == (2, "")
    assert shop(f"customer history {jane} -o json").json == []
    assert shop.sql("SELECT id FROM audit WHERE command = 'customer note'") == []


def test_the_audit_log_names_the_note_and_does_not_keep_its_text(shop: Shop) -> None:
    jane = make_customer(shop)
    shop("customer", "note", jane, "her mother is ill")

    (row,) = shop.sql("SELECT * FROM audit WHERE command = 'customer note'")

    assert (row["target"], row["operator"], row["outcome"]) == (jane, "admin", "created")
    assert "note" in str(row["changes"])
    assert "mother" not in str(row)


def test_a_dry_run_keeps_nothing(shop: Shop) -> None:
    jane = make_customer(shop)

    done = shop(f"customer note {jane} hello --dry-run -o json")

    assert done.json[0]["dry_run"] is True
    assert shop(f"customer history {jane} -o json").json == []


def test_a_note_without_a_customer_is_not_stored(shop: Shop) -> None:
    assert shop("customer note cus_9 hello").code == 4
    assert shop("customer note txn_9 hello").code == 2
    assert shop("customer history cus_9").code == 4


def test_no_note_is_added_to_an_erased_or_merged_customer(shop: Shop) -> None:
    erased, kept, merged = (make_customer(shop) for _ in range(3))
    shop(f"customer erase {erased} --yes")
    shop(f"customer merge {kept} {merged} --yes")

    note, call = shop(f"customer note {erased} hello"), shop(f"customer call {merged}")
    elsewhere = shop(f"customer note {merged} hi")

    assert [done.code for done in (note, call, elsewhere)] == [5, 5, 5]
    assert f"name {kept} instead" in elsewhere.err
    assert "hello" not in {row["text"] for row in shop.sql("SELECT text FROM history")}


def test_a_note_is_edited_and_the_old_text_is_gone_from_sight(shop: Shop) -> None:
    customer = make_customer(shop)
    shop(f"customer note {customer} 'First text'", as_="agent")
    [entry] = shop(f"customer history {customer} -o json").json

    done = shop(f"customer edit-note {entry['id']} 'Second text' -o json", as_="agent")
    after = shop(f"customer history {customer} -o json").json

    assert (done.code, done.json[0]["outcome"]) == (0, "updated")
    assert [(row["text"], row["at"]) for row in after] == [("Second text", entry["at"])]
    assert after[0]["edited_at"]
    assert "First text" not in shop(f"customer show {customer} -o json").out
    assert shop(f"customer edit-note {entry['id']} Third", as_="agent").code == 5


def test_agents_edit_their_own_notes_only(shop: Shop) -> None:
    customer = make_customer(shop)
    shop(f"customer note {customer} 'By the administrator'")
    [entry] = shop(f"customer history {customer} -o json").json

    assert shop(f"customer edit-note {entry['id']} Other", as_="agent").code == 6
    assert shop(f"customer edit-note {entry['id']} Other").code == 0


def test_an_event_is_not_edited(shop: Shop) -> None:
    customer = make_customer(shop)
    shop(f"customer edit {customer} --first-name Ann")
    [entry] = shop(f"customer history {customer} -o json").json

    assert shop(f"customer edit-note {entry['id']} Other").code == 5
