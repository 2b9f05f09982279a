"""The answer to a charge was lost: unknown is not declined, and no customer is charged twice."""

from __future__ import annotations

import json
import os
import signal

import pytest

from tests.billing.catalog import change_card, make_buyer, paid, purchase, subscribe
from tests.factories import make_payment_method, make_price, make_purchase
from tests.selection import on_sqlite
from tests.shops import Shop

APPLIED, LOST = "tok_charge_timeout_applied", "tok_charge_timeout_lost"
LATER = "2026-03-02T09:10:00Z"


@pytest.mark.parametrize(
    ("token", "outcome", "status"), [(APPLIED, "billed", "complete"), (LOST, "failed", "declined")]
)
def test_an_order_waits_until_the_gateway_was_asked(shop: Shop, token: str, outcome: str, status: str) -> None:
    buyer, price = make_buyer(shop, token), make_price(shop, interval="month")

    done = shop(f"order create --customer {buyer} --item {price} --yes -o json")
    row = done.json[0]
    pending = shop(f"order show {row['order_id']} -o json").json
    mails = len(shop.mails())
    found = shop("txn reconcile -o json", at=LATER).json
    order = shop(f"order show {row['order_id']} -o json").json

    assert (done.code, row["outcome"], row["ok"]) == (9, "unknown", False)
    assert row["error"]["fix"] == f"csctl txn reconcile {row['transaction_id']}"
    assert (pending["status"], pending["fulfillments"], mails) == ("pending", [], 0)
    assert [(one["id"], one["outcome"]) for one in found] == [(row["transaction_id"], outcome)]
    assert order["status"] == status
    assert len(order["fulfillments"]) == len(shop.mails()) == len(paid(shop)) == (status == "complete")


def test_an_order_that_is_not_charged_for_sure_is_not_billed_on(shop: Shop) -> None:
    buyer, price = make_buyer(shop, APPLIED), make_price(shop, interval="month")
    shop(f"order create --customer {buyer} --item {price} --yes")

    assert shop("purchase force-bill pur_1 --yes", at=LATER).code == 5
    assert shop("order cancel ord_1 --refund --yes", at=LATER).code == 5


def test_an_order_cancelled_while_it_was_charged_stays_so_and_its_money_can_be_returned(shop: Shop) -> None:
    buyer, price = make_buyer(shop, APPLIED), make_price(shop, interval="month")
    shop(f"order create --customer {buyer} --item {price} --yes")
    shop("order cancel ord_1 --yes")

    shop("txn reconcile", at=LATER)
    order = shop("order show ord_1 -o json").json
    refund = shop("order refund ord_1 --yes -o json", at=LATER)

    assert (order["status"], order["fulfillments"]) == ("cancelled", [])
    assert [email["kind"] for email in shop("email list -o json").json] == ["void"]
    assert refund.json[0]["outcome"] == "voided"


def test_a_cycle_that_was_billed_while_its_order_was_cancelled_ships_nothing(shop: Shop) -> None:
    buyer = make_buyer(shop)
    subscribe(shop, customer=buyer)
    change_card(shop, buyer, APPLIED)
    shop("billing run", as_="service", at="2026-04-02T09:00:00Z")
    shop("order cancel ord_1 --yes", at="2026-04-02T09:01:00Z")

    asked = shop("txn reconcile -o json", at="2026-04-02T09:10:00Z").json
    order = shop("order show ord_1 -o json").json

    assert [row["outcome"] for row in asked] == ["billed"]
    assert [ful["status"] for ful in order["fulfillments"]] == ["cancelled"]
    assert (order["status"], purchase(shop, "pur_1")["status"]) == ("cancelled", "cancelled")


def test_a_refunded_order_that_was_cancelled_is_so_again_when_another_charge_is_found(shop: Shop) -> None:
    buyer = make_buyer(shop)
    subscribe(shop, customer=buyer)
    change_card(shop, buyer, APPLIED)
    shop("billing run", as_="service", at="2026-04-02T09:00:00Z")
    shop("order cancel ord_1 --yes", at="2026-04-02T09:01:00Z")
    shop("order refund ord_1 --cycle 1 --yes", at="2026-04-02T09:02:00Z")
    refunded = shop("order show ord_1 -o json").json["status"]

    shop("txn reconcile", at="2026-04-02T09:10:00Z")

    assert (refunded, shop("order show ord_1 -o json").json["status"]) == ("refunded", "cancelled")


@pytest.mark.parametrize("token", [APPLIED, LOST])
def test_a_run_asks_before_it_bills_again(shop: Shop, token: str) -> None:
    buyer = make_buyer(shop)
    subscribe(shop, customer=buyer)
    change_card(shop, buyer, token)

    lost = shop("billing run -o json", at="2026-04-02T09:00:00Z")
    between = purchase(shop, "pur_1")
    again = shop("billing run -o json", at="2026-04-02T09:10:00Z")

    assert (lost.code, lost.json[0]["outcome"]) == (9, "unknown")
    assert (between["status"], between["cycle"]) == ("active", 1)
    assert again.code == 0
    assert paid(shop) == [("2026-03-02", "10.00 USD"), ("2026-04-02", "10.00 USD")]
    assert (purchase(shop, "pur_1")["cycle"], purchase(shop, "pur_1")["next_bill_on"]) == (2, "2026-05-02")


def test_while_it_is_unknown_it_is_not_billed_by_hand_either(shop: Shop) -> None:
    shop.env["CSCTL_GATEWAY_MAIN"] += "?lookup=off&idempotency=off"
    buyer = make_buyer(shop)
    subscribe(shop, customer=buyer)
    change_card(shop, buyer, APPLIED)
    shop("purchase force-bill pur_1 --yes", at="2026-03-03T09:00:00Z")

    by_hand = shop("purchase force-bill pur_1 --cycle 2 --yes -o json", at="2026-03-04T09:00:00Z")
    run = shop("billing run -o json", at="2026-04-02T09:00:00Z")

    assert (by_hand.code, by_hand.error["message"]) == (5, "pur_1 is being billed")
    assert (run.code, run.json) == (9, [])
    assert len(paid(shop)) == 2
    refund, ends = shop("txn refund txn_2 --yes -o json"), shop("purchase cancel pur_1 --refund-last --yes -o json")
    assert (refund.code, ends.code) == (5, 5)
    assert "whether money was taken is not known" in refund.error["cause"]
    assert ends.error["message"] == "ord_1 is being charged"


def test_the_terms_of_a_force_bill_are_kept_when_another_process_records_its_approval(shop: Shop) -> None:
    buyer = make_buyer(shop)
    subscribe(shop, customer=buyer)
    change_card(shop, buyer, APPLIED)

    shop("purchase force-bill pur_1 --quantity 2 --unit-price 3 --yes", at="2026-03-03T09:00:00Z")
    before = purchase(shop, "pur_1")
    shop("txn reconcile", as_="service", at="2026-03-03T09:10:00Z")
    after = purchase(shop, "pur_1")

    assert (before["cycle"], before["price"]) == (1, "10.00")
    assert (after["cycle"], after["price"], after["next_bill_on"]) == (2, "6.00", "2026-05-02")


def test_a_connection_refused_when_asking_again_does_not_mean_that_nothing_was_charged(shop: Shop) -> None:
    shop.env["CSCTL_GATEWAY_MAIN"] += "?lookup=off"
    buyer, price = make_buyer(shop, APPLIED), make_price(shop)
    shop(f"order create --customer {buyer} --item {price} --yes")
    account = shop("gateway check main -o json").json[0]["account"]
    with_gateway_down = {"CSCTL_GATEWAY_MAIN": f"sandbox:{shop.folder / 'other.db'}?lookup=off&account={account}"}
    change_card(shop, buyer, "tok_unreachable")

    down = shop("txn reconcile -o json", at=LATER, env=with_gateway_down)
    change_card(shop, buyer, APPLIED)
    up = shop("txn reconcile -o json", at="2026-03-02T09:20:00Z")

    assert [row["outcome"] for row in down.json] == ["unknown"]
    assert [row["outcome"] for row in up.json] == ["billed"]
    assert len(paid(shop)) == 1


def test_an_approval_that_comes_after_the_sale_was_taken_for_failed_is_not_lost(shop: Shop) -> None:
    """The worker sleeps in its call for longer than its lease; another asks in that time, and no answer is known."""
    subscribe(shop)
    slowly = {"CSCTL_GATEWAY_MAIN": shop.env["CSCTL_GATEWAY_MAIN"] + "?latency_ms=1500"}
    worker = shop.start("billing run -o json", as_="service", at="2026-04-02T09:00:00Z", env=slowly)
    shop.wait_for("SELECT 1 FROM transactions WHERE state = 'sent'")

    os.kill(worker.pid, signal.SIGSTOP)
    asked = shop("txn reconcile -o json", at="2026-04-02T09:06:00Z").json
    os.kill(worker.pid, signal.SIGCONT)
    out, _ = worker.communicate(timeout=60)
    again = shop("txn reconcile -o json", at="2026-04-02T09:12:00Z").json
    next_run = shop("billing run -o json", at="2026-04-02T09:12:00Z").json

    assert [row["outcome"] for row in asked] == ["failed"]
    assert (worker.returncode, json.loads(out)[0]["outcome"]) == (9, "unknown")
    assert [row["outcome"] for row in again] == ["billed"]
    assert (next_run, len(paid(shop))) == ([], 2)
    assert purchase(shop, "pur_1")["cycle"] == 2


def test_an_order_that_was_taken_for_not_charged_comes_back_when_its_approval_comes(shop: Shop) -> None:
    """The same at a checkout: it was declined, and stands once the gateway says what it charged."""
    buyer = make_buyer(shop)
    make_price(shop, "mug", "5.00")
    make_price(shop, "tea", "10.00", interval="month")
    make_price(shop, "club", "10.00", interval="month", trial_days=7)
    slowly = {"CSCTL_GATEWAY_MAIN": shop.env["CSCTL_GATEWAY_MAIN"] + "?latency_ms=1500"}
    worker = shop.start(f"order create --customer {buyer} --item mug --item tea --item club --yes", env=slowly)
    shop.wait_for("SELECT 1 FROM transactions WHERE state = 'sent'")

    os.kill(worker.pid, signal.SIGSTOP)
    asked = shop("txn reconcile -o json", at="2026-03-02T09:06:00Z").json
    declined = shop("order show ord_1 -o json").json
    os.kill(worker.pid, signal.SIGCONT)
    worker.communicate(timeout=60)
    shop("txn reconcile", at="2026-03-02T09:12:00Z")
    order = shop("order show ord_1 -o json").json

    assert ([row["outcome"] for row in asked], declined["status"], worker.returncode) == (["failed"], "declined", 9)
    assert (order["status"], len(order["fulfillments"]), len(shop.mails())) == ("complete", 1, 1)
    assert [(p["status"], p["next_bill_on"]) for p in order["purchases"]] == [
        ("complete", None),
        ("active", "2026-04-02"),
        ("trial", "2026-03-09"),
    ]
    assert len(paid(shop)) == 1


def test_asking_again_and_hearing_nothing_new_leaves_no_trace(shop: Shop) -> None:
    dumb = {"CSCTL_GATEWAY_MAIN": shop.env["CSCTL_GATEWAY_MAIN"] + "?lookup=off&idempotency=off"}
    buyer, price = make_buyer(shop, APPLIED), make_price(shop)
    shop(f"order create --customer {buyer} --item {price} --yes", env=dumb)
    before = shop.sql("SELECT text FROM history ORDER BY id"), shop.sql("SELECT state, reason FROM transactions")

    for day in (3, 4):
        assert shop("txn reconcile", at=f"2026-03-0{day}T09:00:00Z", env=dumb).code == 9

    assert (
        shop.sql("SELECT text FROM history ORDER BY id"),
        shop.sql("SELECT state, reason FROM transactions"),
    ) == before


# By command, for a purchase whose charge is under way: the code, and what stands after an approval and after a failure.
DURING: dict[str, tuple[int, tuple[str, str | None], tuple[str, str | None]]] = {
    "pause {} --until 2026-03-20": (0, ("paused", "2026-04-02"), ("paused", "2026-03-02")),
    "billing-date {} 2026-03-20": (0, ("active", "2026-03-20"), ("active", "2026-03-20")),
    "cancel {}": (0, ("cancelled", None), ("cancelled", None)),
    "cancel {} --when before-next": (0, ("cancelled", None), ("cancelled", None)),
    "cancel {} --when after-next": (0, ("cancelled", None), ("cancellation_scheduled", "2026-03-02")),
    "cancel {} --when 2026-03-20": (
        0,
        ("cancellation_scheduled", "2026-04-02"),
        ("cancellation_scheduled", "2026-03-02"),
    ),
    "quantity {} --quantity 2 --unit-price 10.00": (0, ("active", "2026-04-02"), ("active", "2026-03-02")),
    "quantity {} --quantity 2 --unit-price 10.00 --next-only": (5, ("active", "2026-04-02"), ("active", "2026-03-02")),
    "price {} other": (0, ("active", "2026-04-02"), ("active", "2026-03-02")),
    "price {} other --next-only": (5, ("active", "2026-04-02"), ("active", "2026-03-02")),
}


@on_sqlite
@pytest.mark.parametrize(("token", "approved"), [("tok_review", True), ("tok_duplicate", False)])
def test_a_change_during_a_charge_holds_after_its_answer_or_is_refused(shop: Shop, token: str, approved: bool) -> None:
    price = make_price(shop, sku="tea", amount="19.99", interval="month")
    make_price(shop, "other", sku="tea", amount="10.00", interval="month")
    purchases = []
    for _ in DURING:
        method = make_payment_method(shop, token=token)
        due = {"status": "active", "next_bill_on": "2026-03-02"}
        purchases.append(make_purchase(shop, price=price, payment_method=method, **due))  # type: ignore[arg-type]
    shop("billing run", as_="service")

    codes = [shop(f"purchase {line.format(name)} --yes").code for line, name in zip(DURING, purchases, strict=True)]
    shop("txn reconcile", at="2026-03-03T09:00:00Z")

    rows = {row["id"]: row for row in shop("purchase list -o json").json}
    found = [(rows[name]["status"], rows[name]["next_bill_on"]) for name in purchases]
    assert codes == [code for code, *_ in DURING.values()]
    assert found == [after if approved else otherwise for _, after, otherwise in DURING.values()]
    prices = [rows[name]["price"] for name in purchases]
    assert prices == ["19.99"] * 6 + ["20.00", "19.99", "10.00", "19.99"]
