"""A run belongs to one process at a time: one that was away for longer than its lease finds that another has it."""

from __future__ import annotations

import json
import os
import signal
from collections import Counter

import pytest

from csctl.fault_points import Point
from tests.commands.many import full_pipe, make_sales
from tests.factories import make_purchase, make_sale
from tests.payments.dying import killed_at
from tests.proof.stops import asleep_at, is_asleep
from tests.refunds.scenes import APPROVED, SENT, finished, gateway
from tests.selection import one_database
from tests.shops import Shop

pytestmark = pytest.mark.both_databases

LATER = "2026-03-02T09:06:00Z"


def refunds(shop: Shop) -> Counter[str]:
    """How often the gateway returned money, by sale."""
    rows = shop.ledger()
    return Counter(row["parent_ref"] for row in rows if row["kind"] == "refund" and row["result"] == "approved")


def test_a_worker_that_slept_begins_nothing_that_another_has_done(shop: Shop) -> None:
    sales = make_sales(shop, 4)
    shop.adopt()
    words = f"txn refund {' '.join(sales)} --amount 5 --yes -o jsonl"
    sleeper = shop.start(words, env=gateway(shop, "latency_ms=1500"))
    shop.wait_for(APPROVED)
    shop.wait_for(SENT)
    os.kill(sleeper.pid, signal.SIGSTOP)
    resumed = shop("run resume run_1 --yes -o jsonl", at=LATER)
    os.kill(sleeper.pid, signal.SIGCONT)
    code, _, said = finished(sleeper)
    (run,) = shop("run list -o json").json

    assert resumed.code == 0, resumed.err
    assert code == 5, said
    assert "run_1 was taken over by another process" in said
    assert refunds(shop) == Counter(dict.fromkeys(refunds(shop), 1))
    assert run == {**run, "state": "complete", "done": 4, "failed": 0}
    assert shop("db check").code == 0


def test_a_change_without_gateway_that_was_taken_over_stops_too(shop: Shop) -> None:
    """It waits for its reader when another resumes its run."""
    sales = make_sales(shop, 3)
    shop.adopt()
    reader, writer = full_pipe()
    first = shop.start(f"txn dispute {' '.join(sales)} --yes -o jsonl", stdout=writer)
    os.close(writer)
    shop.wait_for("SELECT 1 FROM runs WHERE done = 1")
    resumed = shop("run resume run_1 --yes -o jsonl", at=LATER)
    with os.fdopen(reader) as pipe:
        pipe.read()
    assert first.stderr
    said = first.stderr.read()

    assert resumed.code == 0, resumed.err
    assert first.wait(60) == 5
    assert "run_1 was taken over by another process" in said
    assert shop("run show run_1 -o json").json["done"] == 3


def test_a_run_that_cannot_be_gone_on_with_is_kept(shop: Shop) -> None:
    """The date on its command line has passed: that is refused, and what was done and begun is still known."""
    purchases = [make_purchase(shop, status="active", interval="month", next_bill_on="2026-04-01") for _ in range(3)]
    for purchase in purchases:
        make_sale(shop, order=purchase.replace("pur_", "ord_"), purchase=purchase, cycle=1, adopt=False)
    shop.adopt()
    words = f"purchase cancel {' '.join(purchases)} --when 2026-03-05 --refund-last --yes"
    process = shop.start(words, env=gateway(shop, "latency_ms=700"))
    shop.wait_for(APPROVED)
    process.kill()
    process.wait()

    refused = shop("run resume run_1 --yes", at="2026-03-06T09:00:00Z")
    run = shop("run show run_1 -o json").json

    assert refused.code == 2
    assert "run resume run_1" in refused.err
    assert run["done"] >= 1
    assert run["state"] == "stopped"


def test_a_resumed_run_that_slept_during_its_look_sends_nothing_that_another_has_settled(shop: Shop) -> None:
    """It learned that the refund had not arrived. While it slept, another process settled it, and the queue paid it."""
    sales = make_sales(shop, 2)
    shop.adopt()
    assert killed_at(shop, Point.CALLING, f"txn refund {' '.join(sales)} --amount 5 --yes")
    sleeper = shop.start("run resume run_1 --yes -o jsonl", at=LATER, env=gateway(shop, "latency_ms=1500"))
    shop.wait_for("SELECT 1 FROM transactions WHERE kind = 'refund' AND lease_until > '2026-03-02 09:10'")
    os.kill(sleeper.pid, signal.SIGSTOP)
    settled = shop("txn reconcile -o json", at="2026-03-02T09:20:00Z").json
    queued = shop("queue retry -o json", as_="service", at="2026-03-03T09:00:00Z").json
    os.kill(sleeper.pid, signal.SIGCONT)
    _, out, said = finished(sleeper)

    assert [row["outcome"] for row in settled] == ["queued"]
    assert [row["outcome"] for row in queued] == ["refunded"]
    assert [json.loads(line)["outcome"] for line in out.splitlines()] == ["refunded", "refunded"], said
    assert refunds(shop) == Counter(dict.fromkeys(refunds(shop), 1))
    assert len(refunds(shop)) == 2


@one_database
def test_a_resumed_run_that_slept_after_its_look_sends_nothing_that_another_is_sending(shop: Shop) -> None:
    """Both have learned that the refund had not arrived, and this gateway pays as often as it is asked."""
    shop.env |= gateway(shop, "idempotency=off")
    sales = make_sales(shop, 2)
    shop.adopt()
    assert killed_at(shop, Point.CALLING, f"txn refund {' '.join(sales)} --amount 5 --yes")
    words = "run resume run_1 --yes"
    sleeper = shop.start(words, at=LATER, before=asleep_at(Point.ANSWERED))
    assert is_asleep(sleeper)
    sender = shop.start(words, at="2026-03-02T09:13:00Z", before=asleep_at(Point.OUTCOME_KEPT, 0))
    assert is_asleep(sender)
    for process in (sleeper, sender):
        os.kill(process.pid, signal.SIGCONT)
        finished(process)

    assert refunds(shop) == Counter(dict.fromkeys(refunds(shop), 1))
    assert len(refunds(shop)) == 2
