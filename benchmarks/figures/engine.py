"""How fast csctl moves money: many refunds, voids and billings, next to what the gateway allows.

A figure is the number of records a second, without the start of csctl (a dry run of one record). Emails wait.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from sqlalchemy import text

from benchmarks.figure import Bench, Result
from benchmarks.shops import new_shop

_IN_FLIGHT, _LATENCY_MS = 32, 50
_IDEAL = _IN_FLIGHT * 1000 / _LATENCY_MS
_RECORDS = 2_000
_REFUNDABLE = f"""
    SELECT min(id) FROM transactions WHERE kind = 'sale' AND state = 'approved' AND reserved + refunded = 0
    AND voided_at IS NULL AND disputed_at IS NULL GROUP BY order_id LIMIT {_RECORDS}
"""  # noqa: S608 - our own words
_UNSETTLED = "UPDATE transactions SET settlement = 'unsettled', settled_at = NULL WHERE reserved + refunded = 0"
_SUBSCRIPTIONS = f"""
    UPDATE purchases SET status = 'active', interval = 'month', next_bill_on = '2026-03-02', payment_method_id = (
        SELECT min(m.id) FROM payment_methods m JOIN orders o ON o.customer_id = m.customer_id
        WHERE o.id = purchases.order_id)
    WHERE id IN (
        SELECT min(p.id) FROM purchases p JOIN orders o ON o.id = p.order_id
        WHERE o.status = 'complete' GROUP BY o.id LIMIT {_RECORDS})
"""  # noqa: S608 - our own words


@dataclass(frozen=True)
class _Work:
    """A command, the records on its standard input, and how many it has."""

    words: str
    input: str
    records: int


def measure(bench: Bench) -> Iterator[Result]:
    at_once = _seconds(_shop(bench, latency=0), [_work("queue retry", bench)])
    yield Result("queue retry, a gateway that answers at once", _RECORDS / at_once, unit="a second")
    for words in ("queue retry", "txn refund - --amount 1.00", "txn void -", "billing run"):
        shop = _shop(bench, latency=_LATENCY_MS)
        work = _work(words, shop)
        name = f"{words.partition(' -')[0]}, {_IN_FLIGHT} calls of {_LATENCY_MS} ms"
        goal = "at least 0.95" if words == "queue retry" else "at least 0.9"
        rate = work.records / _seconds(shop, [work])
        yield Result(name, rate, _IDEAL, unit="a second", instead="what the gateway allows", goal=goal)
    if bench.backend != "SQLite":
        one, two = (_seconds(_shop(bench, latency=_LATENCY_MS), [_work("queue retry", bench)] * n) for n in (1, 2))
        yield Result(
            "queue retry, two processes", _RECORDS / two, _RECORDS / one, "a second", "one process", "at least 1.8"
        )


def _shop(bench: Bench, *, latency: int) -> Bench:
    """Each figure uses up the records of one."""
    return new_shop(bench, _RECORDS * 4, queued=_RECORDS, latency_ms=latency)


def _work(words: str, shop: Bench) -> _Work:
    line = f"{words} --concurrency {_IN_FLIGHT} -q -o name"
    if words == "queue retry":
        return _Work(line, "", _RECORDS)
    with shop.engine().begin() as connection:
        if words == "billing run":
            return _Work(line, "", connection.execute(text(_SUBSCRIPTIONS)).rowcount)
        if words.startswith("txn void"):
            connection.execute(text(_UNSETTLED))
        found = connection.execute(text(_REFUNDABLE)).scalars().all()
    return _Work(f"{line} --yes", "\n".join(f"txn_{number}" for number in found), len(found))


def _seconds(shop: Bench, works: Sequence[_Work]) -> float:
    """How long the commands take side by side, without their start."""
    begun = time.perf_counter()
    with ThreadPoolExecutor(len(works)) as pool:
        for done in [pool.submit(_run, shop, work) for work in works]:
            done.result()
    seconds = time.perf_counter() - begun
    begun = time.perf_counter()
    shop.run("queue retry -q -o name --limit 1 --dry-run")
    return seconds - (time.perf_counter() - begun)


def _run(shop: Bench, work: _Work) -> None:
    try:
        shop.run(work.words, input=work.input)
    except subprocess.CalledProcessError as error:
        raise RuntimeError(f"{work.words} ended with {error.returncode}: {error.stdout[-500:]}") from None
