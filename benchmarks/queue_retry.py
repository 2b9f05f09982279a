"""How fast `queue retry` goes through a queue: python benchmarks/queue_retry.py [ITEMS] [CONCURRENCY] [LATENCY_MS]

Makes a rehearsal database in a temporary folder (or uses CSCTL_BENCHMARK_URL, an empty PostgreSQL database), puts ITEMS
failed refunds into the queue, and runs the daily cron on them once. "Ideal" is CONCURRENCY calls of LATENCY_MS each
in flight all the time.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from sqlalchemy import insert
from sqlalchemy.orm import Session

from csctl import database, models
from csctl.clock import parse_time
from csctl.domain.states import ItemState, Kind, OrderStatus, Settlement, State

CSCTL = Path(sys.executable).with_name("csctl")
MONDAY = parse_time("2026-03-02T09:00:00Z")
Row = dict[str, object]


def main() -> None:
    defaults = [2000, 32, 50]
    given = [int(word) for word in sys.argv[1:]]
    items, concurrency, latency = given + defaults[len(given) :]
    with tempfile.TemporaryDirectory() as folder:
        url = os.environ.get("CSCTL_BENCHMARK_URL", f"sqlite:///{folder}/csctl.db")
        env = {
            **os.environ,
            "CSCTL_DATABASE_URL": url,
            "CSCTL_GATEWAY_MAIN": f"sandbox:{folder}/sandbox.db?latency_ms={latency}",
            "CSCTL_NOW": "2026-03-03T09:00:00Z",
        }
        made = csctl("db init --admin bench --rehearsal -o json", env)
        env["CSCTL_TOKEN"] = json.loads(made)["token"]
        fill(url, items)
        csctl("sandbox adopt -q -o name", env)
        begun = time.perf_counter()
        done = csctl(f"queue retry --concurrency {concurrency} -q -o jsonl", env)
        seconds = time.perf_counter() - begun
    refunded = done.count('"outcome": "refunded"')
    ideal = concurrency / (latency / 1000) if latency else 0
    share = f", {items / seconds / ideal:.2f} of the ideal {ideal:.0f}" if ideal else ""
    print(f"{refunded} of {items} refunded in {seconds:.1f} s: {items / seconds:.0f} a second{share}")


def csctl(words: str, env: dict[str, str]) -> str:
    return subprocess.run(  # noqa: S603 - our own program
        [CSCTL, *words.split()], env=env, check=True, stdout=subprocess.PIPE, text=True
    ).stdout


def fill(url: str, items: int) -> None:
    """Customers, orders, settled sales, refunds that failed, and their queue items, each with the same number."""
    engine = database.connect(url)
    with Session(engine) as session, session.begin():
        for model, row in (
            (models.Customer, _customer),
            (models.Order, _order),
            (models.Transaction, _sale),
            (models.Transaction, partial(_refund, items)),
            (models.QueueItem, partial(_item, items)),
        ):
            session.execute(insert(model), [row(number) for number in range(1, items + 1)])
    engine.dispose()


_MONEY: Row = {"currency": "USD", "amount": 1999, "created_at": MONDAY}


def _customer(number: int) -> Row:
    return {
        "id": number,
        "email": f"c{number}@example.com",
        "created_at": MONDAY,
        "updated_at": MONDAY,
        "version": 1,
    }


def _order(number: int) -> Row:
    return {
        "id": number,
        "customer_id": number,
        "status": OrderStatus.COMPLETE,
        "currency": "USD",
        "total": 1999,
        "placed_at": MONDAY,
    }


def _sale(number: int) -> Row:
    return {
        **_MONEY,
        "id": number,
        "order_id": number,
        "gateway": "main",
        "kind": Kind.SALE,
        "state": State.APPROVED,
        "gateway_ref": f"ref_{number}",
        "settlement": Settlement.SETTLED,
        "settled_at": MONDAY,
        "reserved": 1999,
    }


def _refund(items: int, number: int) -> Row:
    return {
        **_MONEY,
        "id": items + number,
        "order_id": number,
        "parent_id": number,
        "gateway": "main",
        "kind": Kind.REFUND,
        "state": State.DECLINED,
    }


def _item(items: int, number: int) -> Row:
    return {
        **_MONEY,
        "id": number,
        "sale_id": number,
        "origin_id": items + number,
        "order_id": number,
        "customer_id": number,
        "state": ItemState.QUEUED,
        "next_attempt_on": MONDAY.date(),
    }


if __name__ == "__main__":
    main()
