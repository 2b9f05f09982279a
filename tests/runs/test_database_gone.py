"""The database disappears in the middle of a bulk change: what was sent is not sent twice by what csctl says then."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.commands.many import make_sales
from tests.factories import make_payment_method, make_purchase
from tests.payments import gone
from tests.refunds.scenes import gateway
from tests.running import Done
from tests.selection import on_postgresql
from tests.shops import Shop

SUBSCRIPTION: dict[str, Any] = {"status": "active", "interval": "month", "next_bill_on": "2026-03-04"}
INTENT = "INSERT INTO transactions"
pytestmark = on_postgresql


def without_database(shop: Shop, words: str, *, after: int, seconds: float, statement: str = INTENT) -> Done:
    process = shop.start(words, before=gone.after(statement, after, seconds), env=gateway(shop, "latency_ms=20"))
    out, err = process.communicate(timeout=120)
    return Done(process.wait(), out, err)


def stopped(shop: Shop, sales: list[str]) -> Done:
    """A bulk refund whose database is gone after its first sales: two windows of them were claimed."""
    words = f"txn refund {' '.join(sales)} --amount 5.00 --yes --concurrency 8 -o jsonl"
    return without_database(shop, words, after=1, seconds=gone.FOR_EVER)


def returned(shop: Shop) -> list[str]:
    """The sales that the gateway returned money of, one for each refund."""
    return sorted(row["parent_ref"] for row in shop.ledger() if row["kind"] == "refund" and row["result"] == "approved")


@pytest.mark.parametrize("seconds", [1.2, gone.FOR_EVER])
def test_a_bulk_refund_whose_database_is_gone_names_its_run_and_resuming_it_pays_each_sale_once(
    shop: Shop, seconds: float
) -> None:
    sales = make_sales(shop, 40)
    shop.adopt()
    ended = without_database(
        shop, f"txn refund {' '.join(sales)} --amount 5.00 --yes --concurrency 8 -o jsonl", after=2, seconds=seconds
    )
    before = returned(shop)
    (resume,) = set(re.findall(r"csctl (run resume run_\d+)", ended.err))
    resumed = shop(f"{resume} --yes -o jsonl")

    assert ended.code in (3, 9), ended.err
    assert "Stopped: " in ended.err
    assert "Traceback" not in ended.err, "what the pool and the driver log"
    assert "refunded" in ended.err, "the summary"
    assert 0 < len(before) < 40
    assert resumed.code == 0, resumed.err
    assert returned(shop) == sorted(set(returned(shop)))
    assert len(returned(shop)) == 40


def test_a_repeat_of_a_stopped_bulk_refund_is_refused_unless_it_is_meant(shop: Shop) -> None:
    sales = make_sales(shop, 20)
    shop.adopt()
    stopped(shop, sales)
    paid = len(returned(shop))
    again = shop("txn refund - --amount 5.00 --yes -o json", input="\n".join(sales))
    smaller = shop(f"txn refund {sales[0]} {sales[1]} --amount 5.00 --yes")
    other = shop(f"txn refund {sales[0]} {sales[1]} --amount 4.00 --dry-run")
    meant = shop(f"txn refund {sales[0]} {sales[1]} --amount 5.00 --yes --again")

    assert (again.code, smaller.code, other.code) == (5, 5, 0)
    assert again.error["message"] == "run_1 did the same for 16 of these"
    assert "csctl run resume run_1" in again.error["fix"]
    assert meant.code in (0, 3), meant.err
    assert len(returned(shop)) - paid <= 2


def test_doctor_names_a_stopped_run_of_money_until_it_is_resumed(shop: Shop) -> None:
    sales = make_sales(shop, 20)
    shop.adopt()
    stopped(shop, sales)
    (found,) = [row for row in shop("doctor -o json").json if row["check"] == "runs"]
    shop(f"{found['fix'].removeprefix('csctl ')} --yes")
    (then,) = [row for row in shop("doctor -o json").json if row["check"] == "runs"]

    assert found["problem"].startswith("run_1 stopped, and ")
    assert then["status"] == "ok"


@pytest.mark.parametrize(
    ("words", "concurrency", "statement", "code", "sent"),
    [
        ("queue retry", 2, INTENT, 9, 4),
        ("billing run", 1, "UPDATE transactions", 3, 1),
        ("billing run", 1, "UPDATE operators", 8, 0),
    ],
)
def test_a_cron_command_without_its_database_says_how_it_ended(
    shop: Shop, words: str, concurrency: int, statement: str, code: int, sent: int
) -> None:
    """8 where nothing was sent, 9 where something is unknown, else 3."""
    if words == "queue retry":
        sales = make_sales(shop, 12, token="tok_refund_declined_1")
        shop.adopt()
        shop(f"txn refund {' '.join(sales)} --yes")
    else:
        for _ in range(12):
            make_purchase(shop, payment_method=make_payment_method(shop), **SUBSCRIPTION)
    shop.now = "2026-03-04T09:00:00Z"
    line = f"{words} --concurrency {concurrency} -o jsonl"
    ended = without_database(shop, line, after=1, seconds=gone.FOR_EVER, statement=statement)
    today = [row for row in shop.ledger() if row["at"].startswith("2026-03-04")]

    assert (ended.code, len(today)) == (code, sent), ended.err
    assert ("Stopped: the database" in ended.err) is (code != 8)
    assert "the database cannot be reached" in ended.out + ended.err
    assert shop(words).code in (0, 9)
