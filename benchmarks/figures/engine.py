"""How fast csctl moves money: many refunds, voids and billings, next to what the gateway allows.

A figure is the number of records a second, without the start of csctl (a dry run of one record). Emails wait.
"""

from __future__ import annotations

import resource
import subprocess
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from sqlalchemy import text

from benchmarks import job_queues
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
    yield from _at_once(bench)
    for words in ("queue retry", "txn refund - --amount 1.00", "txn void -", "billing run"):
        shop = _shop(bench, latency=_LATENCY_MS)
        work = _work(words, shop)
        name = f"{words.partition(' -')[0]}, {_IN_FLIGHT} calls of {_LATENCY_MS} ms"
        goal = "at least 0.95" if words == "queue retry" else "at least 0.9"
        seconds, processor = _spent(shop, [work])
        yield Result(name, work.records / seconds, _IDEAL, "a second", "what the gateway allows", goal)
        yield Result(
            f"{words.partition(' -')[0]}, processor time of csctl for a record", processor * 1000 / work.records
        )
    if bench.backend != "SQLite":
        one = _side_by_side(bench, 1)
        yield Result("queue retry, two processes", _side_by_side(bench, 2), one, "a second", "one", "at least 1.8")
        yield Result("queue retry, four processes", _side_by_side(bench, 4), one, "a second", "one")


def _at_once(bench: Bench) -> Iterator[Result]:
    """A gateway that answers at once, next to libraries for job queues on the same server."""
    rate = _RECORDS / _spent(_shop(bench, latency=0), [_work("queue retry", bench)])[0]
    yield Result("queue retry, a gateway that answers at once", rate, unit="a second")
    if bench.backend == "SQLite":
        return
    for library, other in job_queues.rates(_shop(bench, latency=0).url, _RECORDS):
        goal = "at least 1" if library == "pgqueuer" else "at least 4"
        instead = library if other else f"{library} is not installed"
        yield Result(f"the same, next to {library}", rate, other, "a second", instead, goal)


def _side_by_side(bench: Bench, processes: int) -> float:
    """Records a second of several processes on one queue."""
    return _RECORDS / _spent(_shop(bench, latency=_LATENCY_MS), [_work("queue retry", bench)] * processes)[0]


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


def _spent(shop: Bench, works: Sequence[_Work]) -> tuple[float, float]:
    """Seconds that the commands take side by side, and their processor time, both without their start."""
    before = _clocks()
    with ThreadPoolExecutor(len(works)) as pool:
        for done in [pool.submit(_run, shop, work) for work in works]:
            done.result()
    ended = _clocks()
    shop.run("queue retry -q -o name --limit 1 --dry-run")
    started = _clocks()
    seconds, processor = (2 * end - begin - start for begin, end, start in zip(before, ended, started, strict=True))
    return seconds, processor


def _clocks() -> tuple[float, float]:
    """The time, and the processor time of all commands so far."""
    commands = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.perf_counter(), commands.ru_utime + commands.ru_stime


def _run(shop: Bench, work: _Work) -> None:
    try:
        shop.run(work.words, input=work.input)
    except subprocess.CalledProcessError as error:
        raise RuntimeError(f"{work.words} ended with {error.returncode}: {error.stdout[-500:]}") from None
