"""`csctl demo`, and the README's tour of the shop that it makes."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.running import Done

TOUR = Path(__file__).parent.parent / "docs" / "tour.py"


def test_the_demo_walks_through_the_days_and_leaves_a_shop_that_works(
    csctl: Callable[..., Done], monkeypatch: pytest.MonkeyPatch
) -> None:
    done = csctl("demo")

    assert done.code == 0, done.err
    for words in ("txn void txn_2", "order refund ord_4", "queue retry"):
        assert f"$ csctl {words}" in done.out
    shop = Path("csctl-demo")
    assert stat.S_IMODE((shop / ".env").stat().st_mode) == 0o600
    monkeypatch.chdir(shop)
    assert csctl("customer search jane -o json").json[0]["email"] == "jane.doe@example.com"
    assert [row["state"] for row in csctl("queue list --state any -o json").json] == ["exhausted", "succeeded"]
    assert any("gave up" in mail.read_text() or "given up" in mail.read_text() for mail in Path("outbox").glob("*.eml"))


def test_what_the_gateway_paid_out_is_what_the_demos_database_believes(
    csctl: Callable[..., Done], monkeypatch: pytest.MonkeyPatch
) -> None:
    csctl("demo")
    monkeypatch.chdir("csctl-demo")

    ledger = csctl("sandbox ledger --all -o json").json
    books = csctl("txn list --kind refund --state approved --all -o json").json

    paid = sorted(row["amount"] for row in ledger if row["kind"] == "refund" and row["result"] == "approved")
    assert paid == sorted(row["amount"] for row in books)


def test_a_demo_that_is_there_already_is_left_alone(csctl: Callable[..., Done]) -> None:
    csctl("demo")
    before = Path("csctl-demo/csctl.db").read_bytes()

    again = csctl("demo")

    assert again.code == 5
    assert "there already" in again.err
    assert "cd csctl-demo" in again.err
    assert Path("csctl-demo/csctl.db").read_bytes() == before


def test_the_callers_own_settings_do_not_reach_the_demo(csctl: Callable[..., Done]) -> None:
    done = csctl("demo ./mine", env={"CSCTL_DATABASE_URL": "postgresql://nowhere", "CSCTL_TOKEN": "x"})

    assert done.code == 0, done.err
    assert "CSCTL_TOKEN" not in os.environ


def test_the_readmes_tour_shows_what_csctl_says() -> None:
    done = subprocess.run([sys.executable, TOUR, "--check"], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
