"""How much more memory csctl takes for many records than for a tenth of them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator

from sqlalchemy import text

from benchmarks.figure import CSCTL, Bench, Result

_MOST = 10_000  # records
_PEAK = (
    "import resource, subprocess, sys; r = subprocess.call(sys.argv[1:], stdout=subprocess.DEVNULL); "
    "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss); sys.exit(r)"
)
_OPEN = (
    "SELECT id FROM transactions WHERE kind = 'sale' AND state = 'approved' AND reserved = 0 AND refunded < amount"
    " ORDER BY id DESC LIMIT :count"
)


def measure(bench: Bench) -> Iterator[Result]:
    """Refunds sales and retries the queue: on a shop that is kept, both are done once."""
    most = min(_MOST, bench.rows // 3)
    bench.run("sandbox adopt -q -o name")
    before = _peak(bench, "audit verify -q")
    works: dict[str, Callable[[int], float]] = {
        "txn refund -": lambda count: _peak(bench, "txn refund - --yes --no-email -q -o jsonl", _sales(bench, count)),
        "queue retry": lambda count: _peak(bench, f"queue retry --limit {count} -q -o jsonl"),
    }
    for name, peak in works.items():
        few, many = peak(most // 10), peak(most)
        yield _result(f"memory of {name}, {most:,} beyond {most // 10:,}", many - few)
    few, many = (_peak(bench, f"data export {kind} -q") for kind in ("products", "transactions"))
    yield _result("memory of data export, all transactions beyond none", many - few)
    yield _result(f"memory of audit verify, {2 * most:,} beyond none", _peak(bench, "audit verify -q") - before)


def _result(name: str, more: float) -> Result:
    return Result(name, more, unit="MB", goal="at most 30")


def _sales(bench: Bench, count: int) -> str:
    engine = bench.engine()
    with engine.connect() as connection:
        found = connection.execute(text(_OPEN), {"count": count}).scalars().all()
    engine.dispose()
    return "".join(f"txn_{number}\n" for number in found)


def _peak(bench: Bench, words: str, given: str = "") -> float:
    """The most memory that a command takes, in MB."""
    command = [sys.executable, "-c", _PEAK, CSCTL, *words.split()]
    done = subprocess.run(command, env=bench.env, input=given, stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603
    return int(done.stdout) / 1024
