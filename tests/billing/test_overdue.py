"""What doctor says of purchases that were due: cron did not run, or they wait for a person."""

from __future__ import annotations

import pytest

from tests.billing.catalog import bill, make_buyer, subscribe
from tests.shops import Shop

MISSED_ON = "2026-04-04T09:00:00Z"  # two days after the billing day


def billing(shop: Shop) -> dict[str, str]:
    """What doctor finds about billing."""
    rows = shop("doctor -o json", as_="admin", at=MISSED_ON).json
    return {row["status"]: f"{row['problem']} | {row['fix']}" for row in rows if row["check"] == "billing"}


def test_a_purchase_that_cron_missed_is_a_problem(shop: Shop) -> None:
    subscribe(shop)

    assert billing(shop) == {"problem": "1 purchase due before today and not billed: pur_1 | csctl billing run"}


DISPUTED = "pur_1 is not billed: its newest charge txn_1 is disputed"
DISABLED = "pm_1 is disabled: since 2026-03-02"


@pytest.mark.parametrize(
    ("change", "why", "fix"),
    [
        ("txn dispute txn_1", DISPUTED, "csctl txn dispute txn_1 --revert, once it is won"),
        ("customer payment-method disable pm_1 --yes", DISABLED, "csctl purchase payment-method pur_1 PM"),
    ],
)
def test_a_purchase_that_the_run_skips_until_a_person_acts_is_a_warning(
    shop: Shop, change: str, why: str, fix: str
) -> None:
    subscribe(shop, customer=make_buyer(shop))
    assert shop(change).code == 0

    bill(shop, "2026-04-03")

    said = f"1 purchase due, and not billed until a person acts: pur_1 ({why})"
    assert billing(shop) == {"warning": f"{said} | {fix}"}
