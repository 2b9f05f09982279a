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
from pathlib import Path

from sqlalchemy import insert
from sqlalchemy.orm import Session

from csctl import database, models
from csctl.clock import parse_time
from csctl.domain.states import ItemState, Kind, OrderStatus, Settlement, State

CSCTL = Path(sys.executable).with_name("csctl")
MONDAY = parse_time("2026-03-02T09:00:00Z")


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
    numbers = range(1, items + 1)
    row = {"currency": "USD", "amount": 1999, "gateway": "main", "created_at": MONDAY}
    tables: list[tuple[type[models.Base], list[dict[str, object]]]] = [
        (
            models.Customer,
            [
                {"id": n, "email": f"c{n}@example.com", "created_at": MONDAY, "updated_at": MONDAY, "version": 1}
                for n in numbers
            ],
        ),
        (
            models.Order,
            [
                {
                    "id": n,
                    "customer_id": n,
                    "status": OrderStatus.COMPLETE,
                    "currency": "USD",
                    "total": 1999,
                    "placed_at": MONDAY,
                }
                for n in numbers
            ],
        ),
        (
            models.Transaction,
            [
                {
                    **row,
                    "id": n,
                    "order_id": n,
                    "kind": Kind.SALE,
                    "state": State.APPROVED,
                    "gateway_ref": f"ref_{n}",
                    "settlement": Settlement.SETTLED,
                    "settled_at": MONDAY,
                    "reserved": 1999,
                }
                for n in numbers
            ],
        ),
        (
            models.Transaction,
            [
                {**row, "id": items + n, "order_id": n, "parent_id": n, "kind": Kind.REFUND, "state": State.DECLINED}
                for n in numbers
            ],
        ),
        (
            models.QueueItem,
            [
                {
                    "id": n,
                    "sale_id": n,
                    "origin_id": items + n,
                    "order_id": n,
                    "customer_id": n,
                    "amount": 1999,
                    "currency": "USD",
                    "state": ItemState.QUEUED,
                    "next_attempt_on": MONDAY.date(),
                    "created_at": MONDAY,
                }
                for n in numbers
            ],
        ),
    ]
    engine = database.connect(url)
    with Session(engine) as session, session.begin():
        for model, rows in tables:
            session.execute(insert(model), rows)
    engine.dispose()


if __name__ == "__main__":
    main()
