"""Signals, closed pipes, full disks: a change stops after the current record, and says how to resume."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.commands.many import full_pipe, make_sales
from tests.factories import make_customer, make_fulfillment
from tests.running import PROGRAM
from tests.selection import one_database, only_full
from tests.shops import Shop

FULL = Path("/dev/full")


def slowly(shop: Shop) -> dict[str, str]:
    return {"CSCTL_GATEWAY_MAIN": f"sandbox:{shop.sandbox}?latency_ms=150&idempotency=off"}


def refunded(shop: Shop) -> int:
    return sum(row["kind"] == "refund" for row in shop.ledger())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_a_change_after_the_current_record(shop: Shop, number: signal.Signals) -> None:
    sales = make_sales(shop, 30)
    shop.adopt()
    process = shop.start(f"txn refund {' '.join(sales)} --amount 5 --yes -o json", env=slowly(shop))
    shop.wait_for("SELECT 1 FROM runs WHERE done > 1")
    process.send_signal(number)
    out, said = process.communicate(timeout=60)
    done = refunded(shop)

    assert process.returncode == 128 + number
    assert said.splitlines() == [
        f"Stopped by {number.name}. {done} of 30 records are done; resume with: csctl run resume run_1"
    ]
    assert 1 < done < 30
    assert out.count('"outcome": "refunded"') == done
    assert out.rstrip().endswith("]")
    assert shop.sql("SELECT count(*) AS n FROM transactions WHERE state IN ('created', 'sent')") == [{"n": 0}]
    assert shop("run resume run_1 --yes").code == 0
    assert refunded(shop) == 30


@one_database
def test_calls_under_way_at_a_signal_are_printed_for_a_slow_reader(shop: Shop) -> None:
    """Several calls are under way, and the pipe is full."""
    sales = make_sales(shop, 30)
    shop.adopt()
    reader, writer = full_pipe()
    process = shop.start(
        f"txn refund {' '.join(sales)} --yes -o jsonl --concurrency 4", env=slowly(shop), stdout=writer
    )
    os.close(writer)
    shop.wait_for("SELECT 1 FROM runs WHERE done > 0")
    process.send_signal(signal.SIGTERM)
    time.sleep(0.3)
    with open(reader, encoding="utf-8") as pipe:
        printed = [json.loads(line)["id"] for line in pipe.read().lstrip("x").splitlines()]

    assert process.wait(60) == 143
    assert len(printed) == refunded(shop) < 30


@one_database
def test_a_signal_ends_a_change_that_waits_for_a_full_pipe(shop: Shop) -> None:
    """The pipe stays full."""
    shipments = [make_fulfillment(shop) for _ in range(3)]
    process = shop.start(f"fulfillment hold {' '.join(shipments)} --yes -o jsonl", stdout=full_pipe()[1])
    shop.wait_for("SELECT 1 FROM runs WHERE done = 1")
    time.sleep(0.3)
    process.send_signal(signal.SIGTERM)
    assert process.stderr
    said = process.stderr.read()

    assert process.wait(60) == 143
    assert said.startswith("Stopped by SIGTERM. 1 of 3 records are done")


@one_database
def test_signals_ignored_by_the_caller_are_ignored(shop: Shop) -> None:
    """As under nohup, and for background jobs of a shell."""
    sales = make_sales(shop, 5)
    shop.adopt()
    process = shop.start(
        f"txn refund {' '.join(sales)} --yes -o jsonl",
        env=slowly(shop),
        ignoring=[signal.SIGHUP],
    )
    assert process.stdout
    process.stdout.readline()
    process.send_signal(signal.SIGHUP)
    process.communicate(timeout=60)

    assert process.returncode == 0
    assert refunded(shop) == 5


# -- where the output goes


@pytest.fixture
def closed_pipe() -> Iterator[int]:
    """The write end of a pipe whose reader is closed."""
    reader, writer = os.pipe()
    os.close(reader)
    yield writer
    os.close(writer)


@one_database
def test_a_change_with_closed_output_finishes_its_gateway_calls(shop: Shop, closed_pipe: int) -> None:
    sales = make_sales(shop, 30)
    shop.adopt()
    process = shop.start(f"txn refund {' '.join(sales)} --yes -o jsonl --concurrency 4", stdout=closed_pipe)
    assert process.stderr
    said = process.stderr.read()
    done = refunded(shop)

    assert process.wait(60) == 3
    assert said.splitlines() == [
        f"Stopped: the output was closed. {done} of 30 records are done; resume with: csctl run resume run_1"
    ]
    assert 0 < done < 30
    assert shop.sql("SELECT count(*) AS n FROM transactions WHERE state IN ('created', 'sent')") == [{"n": 0}]


def in_shell(shop: Shop, line: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", line.replace("csctl", PROGRAM, 1)],
        env={**os.environ, **shop.environment()},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@one_database
def test_a_long_list_piped_to_head_is_clean(shop: Shop) -> None:
    make_sales(shop, 1000)
    done = in_shell(shop, "csctl txn list --all -o name | head -1")

    assert done.returncode == 0
    assert done.stdout == "txn_1000\n"
    assert done.stderr == ""


@pytest.mark.skipif(not FULL.exists(), reason="no /dev/full on this system")
@one_database
@pytest.mark.parametrize("format_", ["table", *only_full("json", "jsonl", "csv", "name")])
def test_a_full_disk_is_reported_in_one_error(shop: Shop, format_: str) -> None:
    make_customer(shop)
    done = in_shell(shop, f"csctl customer search jane -o {format_} > /dev/full")

    assert done.returncode == 8
    assert "No space left" in done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


@pytest.mark.skipif(not FULL.exists(), reason="no /dev/full on this system")
@one_database
def test_a_change_stops_when_the_disk_is_full(shop: Shop) -> None:
    sales = make_sales(shop, 10)
    shop.adopt()
    done = in_shell(shop, f"csctl txn refund {' '.join(sales)} --yes -o jsonl > /dev/full")

    assert done.returncode == 3
    assert done.stderr.splitlines() == [
        "Stopped: the output cannot be written (No space left on device). "
        f"{refunded(shop)} of 10 records are done; resume with: csctl run resume run_1"
    ]
    assert refunded(shop) < 10


@one_database
@pytest.mark.parametrize("closed", [*only_full("<&-", ">&-", "2>&-"), "<&- >&- 2>&-"])
def test_closed_standard_streams_do_no_harm(shop: Shop, closed: str) -> None:
    """A file that is opened later must not get the number of a closed stream: output would go into the database."""
    make_customer(shop)
    done = in_shell(shop, f"csctl customer search jane -o json {closed}")

    assert done.returncode == 0
    assert done.stderr == ""
    assert shop("db check").code == 0
