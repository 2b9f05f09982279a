"""Errors and exit codes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator

import pytest

from csctl import errors
from csctl.errors import CsctlError
from csctl.services.administration import operators
from tests.factories import make_customer, make_fulfillment
from tests.running import PROGRAM, Done
from tests.selection import on_sqlite
from tests.shops import Shop

Csctl = Callable[..., Done]
KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, CsctlError)]


def test_each_code_of_an_error_has_its_own_exit_code() -> None:
    """Classes within a class (a database that is unreachable) have that of their class."""
    codes = {kind.code for kind in KINDS}

    assert len({kind.exit for kind in KINDS}) == len(codes) == len({(kind.code, kind.exit) for kind in KINDS})


@pytest.mark.parametrize("kind", KINDS)
def test_the_class_of_an_error_decides_the_exit_code(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, kind: type[CsctlError]
) -> None:
    def refuse(*_: object) -> None:
        raise kind("no", cause="because", fix="csctl whoami")

    monkeypatch.setattr(operators, "listing", refuse)
    as_text, as_json = shop("operator list"), shop("operator list -o json")

    assert as_text.code == as_json.code == kind.exit
    assert as_text.err == "Error: no\nCause: because\nFix: csctl whoami\n"
    assert as_text.out == as_json.out == ""
    assert as_json.error == {
        "code": kind.code,
        "exit": kind.exit,
        "message": "no",
        "cause": "because",
        "fix": "csctl whoami",
    }


@pytest.mark.parametrize("words", ["-o json", "-ojson", "--output json", "--output=json", "-o jsonl"])
def test_an_error_is_json_with_output_json(csctl: Csctl, words: str) -> None:
    assert csctl(f"whoami {words}").error["code"] == "misconfigured"
    assert csctl(f"whoami {words} --nonsense").error["code"] == "usage"
    assert csctl(f"whoami {words} --fields").error["fix"] == "csctl whoami --help"


def test_the_format_of_errors_follows_the_environment(csctl: Csctl) -> None:
    assert csctl("whoami", env={"CSCTL_OUTPUT": "json"}).error["code"] == "misconfigured"


def broken(shop: Shop, monkeypatch: pytest.MonkeyPatch, words: str) -> Done:
    """csctl with a bug whose message contains a secret."""

    def fail(*_: object) -> None:
        raise ZeroDivisionError("cannot reach postgresql://jane:hunter2@db/shop?password=hunter2")

    monkeypatch.setattr(operators, "listing", fail)
    return shop(words)


def test_a_bug_prints_no_traceback_and_asks_for_a_report(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    done = broken(shop, monkeypatch, "operator list")

    assert done.code == 1
    assert "Traceback" not in done.err
    assert "ZeroDivisionError" in done.err
    assert "--debug" in done.err
    assert "hunter2" not in done.err


def test_debug_prints_the_traceback_without_secrets(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    done = broken(shop, monkeypatch, "operator list --debug")

    assert done.code == 1
    assert "Traceback" in done.err
    assert "test_errors.py" in done.err
    assert "hunter2" not in done.err


def test_errors_escape_control_characters(csctl: Csctl) -> None:
    done = csctl("customer", "show", "\x1b[31mred\u202e", env={"CSCTL_DATABASE_URL": "sqlite:///\x1b[31m.db"})

    assert "\x1b" not in done.err
    assert "\u202e" not in done.err


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@on_sqlite
def test_a_signal_ends_a_command_with_128_plus_its_number(shop: Shop, number: signal.Signals, code: int) -> None:
    """The signal arrives while csctl waits for a full pipe."""
    for _ in range(40):
        make_customer(shop, external_id="x" * 3000 + str(time.monotonic_ns()))
    process = shop.start("customer search --country US --all -o json")
    assert process.stdout
    process.stdout.read(1)
    time.sleep(0.2)
    process.send_signal(number)
    assert process.stderr
    said = process.stderr.read()

    assert process.wait(60) == code
    assert "Interrupted" in said
    assert "Traceback" not in said


@pytest.fixture
def closed_pipe() -> Iterator[int]:
    """The write end of a pipe whose reader is closed."""
    reader, writer = os.pipe()
    os.close(reader)
    yield writer
    os.close(writer)


@on_sqlite
@pytest.mark.parametrize("format_", ["jsonl", "name", "csv", "table", "json"])
def test_a_closed_pipe_is_not_an_error_for_reads(shop: Shop, closed_pipe: int, format_: str) -> None:
    make_customer(shop)
    process = shop.start(f"customer search jane -o {format_}", stdout=closed_pipe)
    assert process.stderr

    assert process.wait(60) == 0
    assert process.stderr.read() == ""


@on_sqlite
def test_a_change_stops_when_its_output_is_closed(shop: Shop, closed_pipe: int) -> None:
    """The record whose row could not be written is done; no other is begun."""
    shipments = [make_fulfillment(shop) for _ in range(3)]
    process = shop.start(f"fulfillment hold {' '.join(shipments)} --yes -o jsonl", stdout=closed_pipe)
    assert process.stderr
    said = process.stderr.read()

    assert process.wait(60) == 3
    assert said.startswith("Stopped: the output was closed. 1 of 3 records are done; resume with: csctl run")
    assert shop.sql("SELECT count(*) AS n FROM fulfillments WHERE status = 'hold'") == [{"n": 1}]


def test_a_closed_stderr_does_not_stop_a_change(shop: Shop) -> None:
    done = subprocess.run(
        ["sh", "-c", f"{PROGRAM} setting set shop-name Tea -o json 2>&-"],
        env={**os.environ, **shop.environment()},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0
    assert json.loads(done.stdout)[0]["value"] == "Tea"
