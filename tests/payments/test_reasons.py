"""What the reason of a refusal leads to, for charges and voids; refunds are in tests/refunds/test_reasons.py."""

from __future__ import annotations

from csctl.domain.reasons import CHARGE, VOID, Reason, Uncharged, Unvoided
from tests.factories import make_payment_method, make_price, make_purchase, make_sale
from tests.selection import on_sqlite
from tests.shops import Shop

pytestmark = on_sqlite
# What no gateway answers: csctl itself finds it.
_ELSEWHERE = {
    *(Reason.ABANDONED, Reason.MISCONFIGURED, Reason.RETURNED, Reason.NEVER_EXECUTED, Reason.RECORDED_BY_MISTAKE),
    *(Reason.ANSWER_LOST, Reason.MISMATCH),
}
REASONS = [reason for reason in Reason if reason not in _ELSEWHERE]


def test_every_charge_of_a_billing_run_ends_as_its_reason_says(shop: Shop) -> None:
    price, purchases = make_price(shop, interval="month"), {}
    for reason in REASONS:
        method = make_payment_method(shop, token=f"tok_charge_{reason}")
        day = shop.now[:10]
        made = make_purchase(shop, price=price, payment_method=method, status="active", next_bill_on=day)
        purchases[reason] = made

    shop("billing run", as_="service")

    expected = {
        Uncharged.GIVE_UP: ("recycle_failed", None),
        Uncharged.RETRY: ("recycle_billing", "2026-03-05"),
        Uncharged.CONFIRM: ("recycle_billing", None),
        Uncharged.NEXT_RUN: ("active", "2026-03-02"),
        Uncharged.ASK: ("active", "2026-03-02"),
    }
    rows = {row["id"]: row for row in shop("purchase list --all -o json").json}
    found = {reason: (rows[name]["status"], rows[name]["next_bill_on"]) for reason, name in purchases.items()}
    assert found == {reason: expected[CHARGE[reason]] for reason in REASONS}
    states = {row["reason"]: row["state"] for row in shop.sql("SELECT reason, state FROM transactions")}
    assert {reason for reason in REASONS if states[reason] in ("pending", "unknown")} == {
        reason for reason in REASONS if CHARGE[reason] is Uncharged.ASK
    }


def test_every_void_ends_as_its_reason_says(shop: Shop) -> None:
    sales = {reason: make_sale(shop, token=f"tok_void_{reason}", settled=False) for reason in REASONS}

    shop(f"txn void {' '.join(sales.values())} --yes -o json")

    rows = {row["id"]: row for row in shop("txn list --kind sale --all -o json").json}
    for reason, sale in sales.items():
        row, then = rows[sale], VOID[reason]
        assert row["voided"] is (then is Unvoided.VOIDED), reason
        assert row["disputed"] is (then is Unvoided.DISPUTED), reason
        assert row["settlement"] == ("settled" if then is Unvoided.REFUND else "unsettled"), reason
        gone = then in (Unvoided.VOIDED, Unvoided.DISPUTED, Unvoided.ASK)
        assert row["refundable"] == ("0.00" if gone else "19.99"), reason
    assert len(shop.mails()) == 0
