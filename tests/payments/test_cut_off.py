"""The connection to the database is lost after a commit and before its acknowledgment: what was kept is kept."""

from __future__ import annotations

from tests.factories import make_sale
from tests.payments import cut_off
from tests.refunds.scenes import paid
from tests.running import Done
from tests.selection import on_postgresql
from tests.shops import Shop

INTENT = "INSERT INTO transactions"
OUTCOME = "UPDATE transactions SET state"
pytestmark = on_postgresql


def run_cut_off(shop: Shop, statement: str, number: int, words: str) -> Done:
    process = shop.start(words, before=cut_off.at(statement, number))
    out, err = process.communicate(timeout=60)
    return Done(process.wait(), out, err)


def test_a_refund_whose_intent_was_kept_is_sent(shop: Shop) -> None:
    """To say that nothing was kept would invite to a second one, while the first waits for the queue."""
    sale = make_sale(shop)
    done = run_cut_off(shop, INTENT, 1, f"txn refund {sale} --amount 5 --yes -o json")

    assert (done.code, [row["outcome"] for row in done.json]) == (0, ["refunded"]), done.err
    assert paid(shop) == [("refund", "5.00")]


def test_a_recorded_outcome_is_reported(shop: Shop) -> None:
    sale = make_sale(shop)
    done = run_cut_off(shop, OUTCOME, 1, f"txn refund {sale} --amount 5 --yes -o json")

    assert (done.code, [row["outcome"] for row in done.json]) == (0, ["refunded"]), done.err
    assert len(shop.mails()) == 1


def test_a_bulk_change_goes_on_behind_it(shop: Shop) -> None:
    sales = [make_sale(shop) for _ in range(3)]
    done = run_cut_off(shop, "INSERT INTO history", 2, f"txn dispute {' '.join(sales)} --yes -o json")

    assert (done.code, [row["ok"] for row in done.json]) == (0, [True] * 3), done.err
    assert shop("run show run_1 -o json").json["done"] == 3
