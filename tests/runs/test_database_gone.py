"""The database disappears in the middle of a bulk change: what was sent is not sent twice by what csctl says then."""

from __future__ import annotations

import re

import pytest

from tests.commands.many import make_sales
from tests.payments import gone
from tests.refunds.scenes import gateway
from tests.running import Done
from tests.shops import Shop

INTENT = "INSERT INTO transactions"
pytestmark = pytest.mark.parametrize("backend", [pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True)


def without_database(shop: Shop, words: str, *, after: int, seconds: float) -> Done:
    process = shop.start(words, before=gone.after(INTENT, after, seconds), env=gateway(shop, "latency_ms=20"))
    out, err = process.communicate(timeout=120)
    return Done(process.wait(), out, err)


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
        shop, f"txn refund {' '.join(sales)} --amount 5.00 --yes --concurrency 16 -o jsonl", after=2, seconds=seconds
    )
    before = returned(shop)
    (resume,) = set(re.findall(r"csctl (run resume run_\d+)", ended.err))
    resumed = shop(f"{resume} --yes -o jsonl")

    assert ended.code in (3, 9), ended.err
    assert "Stopped: " in ended.err
    assert "refunded" in ended.err, "the summary"
    assert 0 < len(before) < 40
    assert resumed.code == 0, resumed.err
    assert returned(shop) == sorted(set(returned(shop)))
    assert len(returned(shop)) == 40
