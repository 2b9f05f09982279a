"""Tokens: shown once, kept as a hash, with an end if one is wanted; and when they were last used."""

from __future__ import annotations

import sqlite3
import time
from datetime import timedelta
from pathlib import Path

import pytest

from tests.administration.command_tree import leaves
from tests.selection import on_sqlite
from tests.shops import Shop


def last_used(shop: Shop, name: str) -> object:
    rows = shop("operator list -o json").json
    return next(row["last_used_at"] for row in rows if row["name"] == name)


def test_a_token_works_until_the_end_of_its_last_day_in_the_shops_zone(shop: Shop) -> None:
    shop("setting set timezone America/New_York")
    token = shop("operator create tim --role agent --expires 2026-03-05 -o json").json["token"]

    def whoami(at: str) -> int:
        return shop("whoami", env={"CSCTL_TOKEN": token}, at=at).code

    assert whoami("2026-03-06T04:59:00Z") == 0
    assert whoami("2026-03-06T05:00:00Z") == 6
    renewed = shop("operator rotate-token tim -o json").json["token"]
    assert shop("whoami", env={"CSCTL_TOKEN": renewed}, at="2030-01-01").code == 0


@pytest.mark.parametrize("day", ["2026-03-01", "yesterday", "9999-12-31", ""])
@on_sqlite
def test_a_day_that_cannot_be_is_a_usage_error(shop: Shop, day: str) -> None:
    done = shop("operator", "create", "tim", "--role", "agent", "--expires", day)

    assert done.code == 2
    assert len(shop("operator list -o json").json) == 3


def test_use_of_an_expired_token_is_in_the_audit_log_under_its_operator(shop: Shop) -> None:
    gone = shop("operator create eve --role agent --expires 2026-03-02 -o json").json["token"]
    left = shop("operator create tim --role agent -o json").json["token"]
    shop("operator disable tim")

    for token in (gone, left):
        assert shop("customer search doe", env={"CSCTL_TOKEN": token}, at="2026-03-04").code == 6

    for name in ("eve", "tim"):
        (row,) = shop(f"audit list --operator {name} -o json").json
        assert (row["command"], row["outcome"]) == ("customer search", "refused")


def test_a_token_is_kept_as_a_hash_alone(shop: Shop) -> None:
    token = shop("operator create tim --role agent -o json").json["token"]

    kept = shop.sql("SELECT token_hash FROM operators WHERE name = 'tim'")[0]["token_hash"]
    assert len(token) > 40
    assert token not in kept
    assert token not in str(shop.sql("SELECT * FROM audit"))
    assert "token" not in shop("operator list -o json").json[0]


def test_rotating_and_disabling_end_a_token_at_once(shop: Shop) -> None:
    old = shop("operator create tim --role agent -o json").json["token"]
    new = shop("operator rotate-token tim -o json").json["token"]

    assert shop("whoami", env={"CSCTL_TOKEN": old}).code == 6
    assert shop("whoami", env={"CSCTL_TOKEN": new}).code == 0
    assert shop("operator disable tim").code == 0
    assert shop("whoami", env={"CSCTL_TOKEN": new}).code == 6


def test_a_wrong_token_is_never_repeated_to_anybody(shop: Shop) -> None:
    wrong = "csctl_this-is-not-a-token-of-anybody-at-all"

    done = shop("whoami --debug", env={"CSCTL_TOKEN": wrong})

    assert done.code == 6
    assert wrong not in done.out + done.err
    assert wrong not in str(shop.sql("SELECT * FROM audit"))


@on_sqlite
def test_a_token_that_is_not_text_is_invalid(shop: Shop) -> None:
    done = shop("whoami", env={"CSCTL_TOKEN": "\udcff"})

    assert done.code == 6
    assert shop("audit list -o json").json[0]["changes"] == {"reason": "the token is not valid"}


def test_there_is_no_option_that_takes_a_token() -> None:
    """Arguments are for all to see in the list of processes."""
    taking = [(leaf.path, p.name) for leaf in leaves() for p in leaf.texts if "token" in str(p.name)]

    assert taking == []


def test_the_last_use_is_kept_to_the_hour(shop: Shop) -> None:
    shop("whoami", as_="agent", at="2026-03-02T09:00:00Z")
    shop("whoami", as_="agent", at="2026-03-02T09:59:00Z")
    assert last_used(shop, "agent") == "2026-03-02T09:00:00Z"

    shop("whoami", as_="agent", at="2026-03-02T10:00:00Z")
    assert last_used(shop, "agent") == "2026-03-02T10:00:00Z"
    assert last_used(shop, "service") is None


@on_sqlite
def test_reading_waits_for_no_lock_and_needs_no_right_to_write(shop: Shop) -> None:
    path = shop.database_url.removeprefix("sqlite:///")
    writer = sqlite3.connect(path, isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    begun = time.monotonic()

    done = shop("whoami", as_="agent")

    writer.execute("ROLLBACK")
    writer.close()
    assert done.code == 0, done.err
    assert timedelta(seconds=time.monotonic() - begun) < timedelta(seconds=5)
    assert last_used(shop, "agent") is None


def test_login_keeps_the_token_where_only_its_owner_reads_it(shop: Shop) -> None:
    assert "Fix: csctl login < token.txt" in shop("login", as_=None).err
    done = shop("login", as_=None, input=shop.token("agent") + "\n")

    assert done.code == 0, done.err
    file = next(Path.home().rglob("token"))
    assert file.stat().st_mode & 0o777 == 0o600
    assert shop("whoami -o json", as_=None).json["name"] == "agent"
    file.chmod(0o640)
    refused = shop("whoami", as_=None)
    assert refused.code == 11
    assert f"chmod 600 {file}" in refused.err
