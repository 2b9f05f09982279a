"""The connection to the database is lost after a commit and before its acknowledgment: what was kept is kept."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.factories import make_sale
from tests.refunds.scenes import paid
from tests.shops import Shop

CUT_OFF = Path(__file__).with_name("cut_off.py")
INTENT = "INSERT INTO transactions"
OUTCOME = "UPDATE transactions SET state"
pytestmark = pytest.mark.parametrize("backend", [pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True)


def cut_off(shop: Shop, statement: str, number: int, words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(CUT_OFF), statement, str(number), *words.split()],
        env={**os.environ, **shop.environment("admin")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_refund_whose_intent_was_kept_is_sent(shop: Shop) -> None:
    """To say that nothing was kept would invite to a second one, while the first waits for the queue."""
    sale = make_sale(shop)
    done = cut_off(shop, INTENT, 1, f"txn refund {sale} --amount 5 --yes -o json")

    assert (done.returncode, [row["outcome"] for row in json.loads(done.stdout)]) == (0, ["refunded"]), done.stderr
    assert paid(shop) == [("refund", "5.00")]


def test_an_outcome_that_was_kept_is_told(shop: Shop) -> None:
    sale = make_sale(shop)
    done = cut_off(shop, OUTCOME, 1, f"txn refund {sale} --amount 5 --yes -o json")

    assert (done.returncode, [row["outcome"] for row in json.loads(done.stdout)]) == (0, ["refunded"]), done.stderr
    assert len(shop.mails()) == 1


def test_a_bulk_change_goes_on_behind_it(shop: Shop) -> None:
    sales = [make_sale(shop) for _ in range(3)]
    done = cut_off(shop, "INSERT INTO history", 2, f"txn dispute {' '.join(sales)} --yes -o json")

    assert (done.returncode, [row["ok"] for row in json.loads(done.stdout)]) == (0, [True] * 3), done.stderr
    assert shop("run show run_1 -o json").json["done"] == 3
