"""Cancelling subscriptions: at every moment, with the last billing's money and without."""

from __future__ import annotations

from typing import Any

import pytest

from csctl.domain.states import PurchaseStatus
from tests.factories import (
    customer_of,
    make_fulfillment,
    make_order,
    make_purchase,
    make_sale,
    make_transaction,
)
from tests.shops import Shop

NOON = "2026-03-02T12:00:00Z"


def _subscription(shop: Shop, order: str | None = None, **given: Any) -> str:
    values = {"status": PurchaseStatus.ACTIVE, "interval": "month", "next_bill_on": "2026-03-31", **given}
    return make_purchase(shop, order, **values)


def _billed(shop: Shop, token: str = "tok_ok", **sale: Any) -> tuple[str, str]:
    """A subscription and the sale that paid for it."""
    order = make_order(shop)
    purchase = _subscription(shop, order)
    return purchase, make_sale(shop, order=order, purchase=purchase, token=token, **sale)


def _shown(shop: Shop, purchase: str) -> dict[str, Any]:
    shown: dict[str, Any] = shop(f"purchase show {purchase} -o json").json
    return shown


def _paid_back(shop: Shop) -> list[str]:
    return [row["amount"] for row in shop.ledger() if row["kind"] == "refund" and row["result"] == "approved"]


# -- when


def test_cancelling_now_asks_first_and_ends_it(shop: Shop) -> None:
    order = make_order(shop)
    purchase = _subscription(shop, order)
    shipment = make_fulfillment(shop, order)

    assert shop(f"purchase cancel {purchase}").code == 2
    done = shop(f"purchase cancel {purchase} --reason 'moved abroad' --yes -o json", as_="agent")

    assert done.json[0]["outcome"] == "cancelled"
    assert (done.json[0]["before"]["status"], done.json[0]["after"]["status"]) == ("active", "cancelled")
    shown = _shown(shop, purchase)
    assert (shown["cancelled_at"], shown["cancel_reason"]) == (shop.now, "moved abroad")
    assert shown["next_bill_on"] is None
    assert shop(f"fulfillment show {shipment} -o json").json["status"] == "pending"
    entry = shop(f"customer history {customer_of(shop, order)} -o json").json[0]
    assert entry["text"] == f"cancelled {purchase}: moved abroad"


@pytest.mark.parametrize(
    ("when", "cancel_on", "after_billing"),
    [("after-next", None, True), ("before-next", "2026-03-31", False), ("2026-03-15", "2026-03-15", False)],
)
def test_a_later_moment_is_scheduled(shop: Shop, when: str, cancel_on: str | None, after_billing: bool) -> None:
    purchase = _subscription(shop)

    done = shop(f"purchase cancel {purchase} --when {when} --yes -o json", as_="agent")

    assert (done.code, done.json[0]["status"]) == (0, "cancellation_scheduled")
    shown = _shown(shop, purchase)
    assert (shown["cancel_on"], shown["cancel_after_billing"]) == (cancel_on, after_billing)
    assert shown["next_bill_on"] == "2026-03-31"


def test_a_moment_that_has_come_is_now(shop: Shop) -> None:
    due = _subscription(shop, next_bill_on="2026-03-02")
    other = _subscription(shop)

    done = shop(f"purchase cancel {due} --when before-next --yes -o json")
    today = shop(f"purchase cancel {other} --when 2026-03-02 --yes -o json")

    assert (done.json[0]["outcome"], today.json[0]["outcome"]) == ("cancelled", "cancelled")


def test_a_moment_that_cannot_be_is_refused_before_anything_is_done(shop: Shop) -> None:
    purchase = _subscription(shop)

    for when in ("2026-03-01", "tomorrow", "2026-02-30"):
        done = shop(f"purchase cancel {purchase} --when {when} --yes")
        assert (done.code, done.out) == (2, ""), when
    assert _shown(shop, purchase)["status"] == "active"


def test_without_a_next_billing_nothing_can_happen_before_or_after_it(shop: Shop) -> None:
    purchase = _subscription(shop, next_bill_on=None)

    assert shop(f"purchase cancel {purchase} --when after-next --yes").code == 5
    assert shop(f"purchase cancel {purchase} --when before-next --yes").code == 5


def test_a_scheduled_cancellation_is_moved_and_called_off(shop: Shop) -> None:
    purchase = _subscription(shop)
    shop(f"purchase cancel {purchase} --when after-next --reason no --yes")

    moved = shop(f"purchase cancel {purchase} --when 2026-03-15 --yes -o json")
    called_off = shop(f"purchase resume {purchase} -o json", as_="agent")

    assert moved.json[0]["after"] == {"cancel_on": "2026-03-15", "cancel_after_billing": False}
    assert called_off.json[0]["status"] == "active"
    shown = _shown(shop, purchase)
    assert (shown["cancel_on"], shown["cancel_after_billing"], shown["cancel_reason"]) == (None, False, None)
    assert shown["next_bill_on"] == "2026-03-31"


def test_what_is_cancelled_before_the_next_billing_is_so_when_that_is_moved(shop: Shop) -> None:
    purchase = _subscription(shop)
    shop(f"purchase cancel {purchase} --when before-next --yes")

    shop(f"purchase billing-date {purchase} 2026-03-20")

    assert _shown(shop, purchase)["cancel_on"] == "2026-03-20"


def test_cancelling_leaves_the_money_where_it_is(shop: Shop) -> None:
    purchase, sale = _billed(shop)

    shop(f"purchase cancel {purchase} --yes")

    assert shop(f"txn show {sale} -o json").json["refundable"] == "19.99"


def test_many_are_cancelled_and_one_that_is_over_stops_no_other(shop: Shop) -> None:
    first, over, last = _subscription(shop), make_purchase(shop), _subscription(shop)

    done = shop("purchase cancel - --yes -o json", input=f"{first}\n{over}\n{last}\n")

    assert done.code == 3
    assert [row["outcome"] for row in done.json] == ["cancelled", "refused", "cancelled"]


# -- with the money


def test_the_last_billing_is_returned_and_the_purchase_cancelled(shop: Shop) -> None:
    purchase, _ = _billed(shop)

    done = shop(f"purchase cancel {purchase} --refund-last --reason no --yes -o json", as_="agent")

    row = done.json[0]
    assert (done.code, row["outcome"], row["amount"], row["status"]) == (0, "refunded", "19.99", "cancelled")
    assert _shown(shop, purchase)["cancel_reason"] == "no"
    assert _paid_back(shop) == ["19.99"]
    assert len(shop.mails()) == 1


def test_what_has_not_settled_is_voided(shop: Shop) -> None:
    purchase, _ = _billed(shop, settled=False)

    done = shop(f"purchase cancel {purchase} --refund-last --yes -o json")

    assert (done.json[0]["outcome"], _shown(shop, purchase)["status"]) == ("voided", "cancelled")


def test_only_the_last_billing_is_returned_never_the_one_before(shop: Shop) -> None:
    order = make_order(shop)
    purchase = _subscription(shop, order, cycle=2)
    make_sale(shop, order=order, purchase=purchase, cycle=1, created_at="2026-01-31T00:00:00Z")
    last = make_sale(shop, order=order, purchase=purchase, cycle=2)
    shop(f"txn refund {last} --yes")

    done = shop(f"purchase cancel {purchase} --refund-last --yes -o json")

    assert done.code == 5
    assert done.error["fix"] == f"csctl purchase cancel {purchase}, without --refund-last"
    assert _shown(shop, purchase)["status"] == "active"
    assert _paid_back(shop) == ["19.99"]


def test_of_a_checkout_of_several_purchases_only_its_price_is_returned_and_it_alone_cancelled(shop: Shop) -> None:
    order = make_order(shop, total="49.99")
    purchase = _subscription(shop, order)
    other = _subscription(shop, order, unit_price="30.00")
    make_sale(shop, "49.99", order=order)

    done = shop(f"purchase cancel {purchase} --refund-last --yes -o json")

    assert done.json[0]["amount"] == "19.99"
    assert (_shown(shop, purchase)["status"], _shown(shop, other)["status"]) == ("cancelled", "active")


def test_a_trial_that_cost_nothing_has_no_last_billing(shop: Shop) -> None:
    order = make_order(shop)
    trial = _subscription(shop, order, status=PurchaseStatus.TRIAL, checkout_amount=0)
    make_purchase(shop, order)
    make_sale(shop, order=order)

    done = shop(f"purchase cancel {trial} --refund-last --yes -o json")

    assert (done.code, done.error["cause"]) == (5, "nothing was ever billed")
    assert (_paid_back(shop), _shown(shop, trial)["status"]) == ([], "trial")


def test_while_the_last_billing_is_not_answered_the_one_before_is_not_returned(shop: Shop) -> None:
    purchase, _ = _billed(shop, cycle=1)
    order = _shown(shop, purchase)["order_id"]
    charge = make_transaction(shop, "sale", "unknown", order=order, purchase=purchase, cycle=2, key="k2")

    done = shop(f"purchase cancel {purchase} --refund-last --yes -o json")

    assert (done.code, done.error["fix"]) == (5, f"csctl txn reconcile {charge}")
    assert (_paid_back(shop), _shown(shop, purchase)["status"]) == ([], "active")


def test_a_refund_that_is_declined_is_queued_and_the_purchase_cancelled(shop: Shop) -> None:
    purchase, _ = _billed(shop, "tok_refund_declined_1")

    done = shop(f"purchase cancel {purchase} --refund-last --yes -o json")

    assert (done.code, done.json[0]["outcome"]) == (12, "queued")
    assert _shown(shop, purchase)["status"] == "cancelled"


def test_a_later_moment_is_carried_along(shop: Shop) -> None:
    purchase, _ = _billed(shop)

    done = shop(f"purchase cancel {purchase} --refund-last --when before-next --yes -o json")

    assert (done.json[0]["outcome"], done.json[0]["status"]) == ("refunded", "cancellation_scheduled")
    assert _shown(shop, purchase)["cancel_on"] == "2026-03-31"


def test_while_the_answer_is_lost_nothing_is_cancelled_and_once_it_is_known_it_is(shop: Shop) -> None:
    purchase, _ = _billed(shop, "tok_timeout_applied")

    lost = shop(f"purchase cancel {purchase} --refund-last --yes -o json")
    before = _shown(shop, purchase)["status"]
    shop("txn reconcile", at=NOON)

    assert (lost.code, before) == (9, "active")
    assert _shown(shop, purchase)["status"] == "cancelled"
    assert _paid_back(shop) == ["19.99"]


def test_a_purchase_that_ended_while_the_answer_was_lost_stays_as_it_is(shop: Shop) -> None:
    purchase, _ = _billed(shop, "tok_timeout_applied")
    shop(f"purchase cancel {purchase} --refund-last --when 2026-03-20 --yes")
    shop(f"purchase cancel {purchase} --reason first --yes")

    assert shop("txn reconcile", at=NOON).code == 0
    assert _shown(shop, purchase)["cancel_reason"] == "first"


def test_what_was_never_billed_or_is_disputed_has_nothing_to_return(shop: Shop) -> None:
    never = _subscription(shop)
    make_transaction(shop, "sale", "declined", order=_shown(shop, never)["order_id"])
    disputed, sale = _billed(shop)
    shop(f"txn dispute {sale}")

    done = shop(f"purchase cancel {never} {disputed} pur_99 --refund-last --yes -o json")

    assert [row["error"]["exit"] for row in done.json] == [5, 5, 4]
    assert [_shown(shop, one)["status"] for one in (never, disputed)] == ["active", "active"]


def test_above_the_agents_limit_nothing_is_done(shop: Shop) -> None:
    purchase, _ = _billed(shop)
    shop("setting set agent-refund-limit '10 USD'")

    assert shop(f"purchase cancel {purchase} --refund-last --yes", as_="agent").code == 6
    assert _shown(shop, purchase)["status"] == "active"


def test_a_dry_run_says_what_would_be_returned(shop: Shop) -> None:
    purchase, _ = _billed(shop)

    dry = shop(f"purchase cancel {purchase} --refund-last --dry-run -o json")

    assert (dry.json[0]["outcome"], dry.json[0]["amount"], dry.json[0]["dry_run"]) == ("refunded", "19.99", True)
    assert "19.99 USD" in dry.err
    assert _shown(shop, purchase)["status"] == "active"
    assert _paid_back(shop) == []
