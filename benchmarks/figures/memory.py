"""How much more memory csctl takes for many records than for a hundredth of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sqlalchemy import text

from benchmarks.figure import Bench, Result, peak
from benchmarks.figures import files
from benchmarks.shops import new_shop

_MOST = 100_000  # records
_OPEN = (
    "SELECT id FROM transactions WHERE kind = 'sale' AND state = 'approved' AND reserved = 0 AND refunded < amount"
    " ORDER BY id DESC LIMIT :count"
)


def measure(bench: Bench) -> Iterator[Result]:
    """In a shop of its own, with records enough."""
    most = min(_MOST, bench.rows)
    few = most // 100
    shop = new_shop(bench, most * 17 // 10, queued=most + few)
    without = peak(shop, "audit verify -q")
    works: dict[str, Callable[[int], float]] = {
        "txn refund -": lambda count: peak(
            shop, "txn refund - --concurrency 32 --yes --no-email -q -o jsonl", _sales(shop, count)
        ),
        "queue retry": lambda count: peak(shop, f"queue retry --concurrency 32 --limit {count} -q -o jsonl"),
        "data import": lambda count: peak(shop, f"data import customers {files.customers(shop, count)} -q"),
    }
    for name, taken in works.items():
        less = taken(few)
        yield _result(f"{name}, {most:,} beyond {few:,}", taken(most) - less)
    less = peak(shop, "data export products -q")
    orders = int(shop.run("order list --count").strip())
    yield _result(f"data export, {orders:,} beyond none", peak(shop, "data export orders -q") - less)
    entries = int(shop.run("audit list --count").strip())
    yield _result(f"audit verify, {entries:,} beyond none", peak(shop, "audit verify -q") - without)


def _result(name: str, more: float) -> Result:
    return Result(f"memory of {name}", more, unit="MB", goal="at most 30")


def _sales(shop: Bench, count: int) -> str:
    engine = shop.engine()
    with engine.connect() as connection:
        found = connection.execute(text(_OPEN), {"count": count}).scalars().all()
    engine.dispose()
    return "".join(f"txn_{number}\n" for number in found)
