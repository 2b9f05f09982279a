"""`csctl demo`, and the README's session in its shop."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.running import Done, Process

TOUR = Path(__file__).parents[2] / "docs" / "tour.py"


def test_the_demo_completes_and_leaves_a_working_shop(
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


def test_the_ledger_and_the_database_of_the_demo_agree(
    csctl: Callable[..., Done], monkeypatch: pytest.MonkeyPatch
) -> None:
    csctl("demo")
    monkeypatch.chdir("csctl-demo")

    ledger = csctl("sandbox ledger --all -o json").json
    books = csctl("txn list --kind refund --state approved --all -o json").json

    paid = sorted(row["amount"] for row in ledger if row["kind"] == "refund" and row["result"] == "approved")
    assert paid == sorted(row["amount"] for row in books)


def test_an_existing_demo_is_not_changed(csctl: Callable[..., Done]) -> None:
    csctl("demo")
    before = Path("csctl-demo/csctl.db").read_bytes()

    again = csctl("demo")

    assert again.code == 5
    assert "csctl-demo exists" in again.err
    assert "cd csctl-demo" in again.err
    assert Path("csctl-demo/csctl.db").read_bytes() == before


def test_the_demo_ignores_the_settings_of_the_caller(csctl: Callable[..., Done]) -> None:
    done = csctl("demo ./mine", env={"CSCTL_DATABASE_URL": "postgresql://nowhere", "CSCTL_TOKEN": "x"})

    assert done.code == 0, done.err
    assert "CSCTL_TOKEN" not in os.environ
    assert "Before you begin: unset CSCTL_DATABASE_URL CSCTL_TOKEN\n" in done.out


def test_an_interrupted_demo_removes_its_files(csctl_process: Callable[..., Process]) -> None:
    process = csctl_process("demo")
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("$ csctl db init"):
            process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)

    assert process.returncode == 130
    assert "bug" not in err
    assert "Its files in csctl-demo were removed" in err
    assert not Path("csctl-demo").exists()


def test_a_demo_whose_output_is_closed_removes_its_files(csctl_process: Callable[..., Process]) -> None:
    Path("mine").mkdir()
    process = csctl_process("demo mine")
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()

    assert process.wait(timeout=60) == 0
    assert list(Path("mine").iterdir()) == []


@pytest.mark.parametrize("make", [lambda there: there.touch(), lambda there: (there.mkdir(), (there / "x").touch())])
def test_a_folder_that_is_not_a_demo_is_refused(csctl: Callable[..., Done], make: Callable[[Path], None]) -> None:
    make(Path("mine"))

    done = csctl("demo mine")

    assert done.code == 5
    assert "cd mine" not in done.err
    assert "csctl demo OTHER-DIR" in done.err


@pytest.mark.full  # .ci/run checks it, too
def test_the_session_in_the_readme_is_real_output() -> None:
    done = subprocess.run([sys.executable, TOUR, "--check"], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
