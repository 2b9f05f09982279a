"""A void that never happened, and a charge whose answer is lost: what was asked for is done later, never forgotten."""

from __future__ import annotations

from typing import Any

import pytest

from tests.factories import make_order, make_payment_method, make_purchase, make_sale
from tests.refunds.scenes import gateway, paid
from tests.running import Done
from tests.selection import one_database
from tests.shops import Shop

NEVER_SETTLES = "settles=never"
pytestmark = pytest.mark.both_databases


def subscription(shop: Shop, **given: Any) -> tuple[str, str]:
    """An order with a subscription whose first billing is unsettled, and the sale."""
    order = make_order(shop)
    purchase = make_purchase(shop, order, status="active", interval="month", next_bill_on="2026-04-01", cycle=1)
    return order, make_sale(shop, order=order, purchase=purchase, settled=False, cycle=1, **given)


def lost(shop: Shop, words: str, as_: str = "admin") -> Done:
    """A void whose answer is lost and that was not carried out, and what reconciling comes to."""
    assert shop(words, as_=as_).code == 9
    return shop("txn reconcile -o json", as_="service")


@pytest.mark.parametrize("words", ["order refund {} --cancel --yes", "order cancel {} --refund --yes"])
def test_a_void_that_never_happened_joins_the_queue_with_its_cancellation(shop: Shop, words: str) -> None:
    order, _ = subscription(shop, token="tok_timeout_lost")
    found = lost(shop, words.format(order))
    shown = shop(f"order show {order} -o json").json
    same_day = shop("queue retry -o json", as_="service")
    shop.now = "2026-03-03T09:00:00Z"
    retried = shop("queue retry -o json", as_="service").json

    assert found.json[0]["outcome"] == "queued"
    assert (shown["status"], shown["purchases"][0]["status"]) == ("cancelled", "cancelled")
    assert same_day.json == []
    assert retried[0]["outcome"] == "refunded", "it has settled by then"
    assert paid(shop) == [("refund", "19.99")]
    assert [mail["Subject"].split()[1] for mail in shop.mails()] == ["refund"]
    assert shop("db check").code == 0
    shop("billing run", at="2026-04-01T09:00:00Z", as_="service")
    assert len([row for row in shop.ledger() if row["kind"] == "sale"]) == 1, "nobody is billed next month"


def test_while_the_sale_is_unsettled_the_queue_voids_it(shop: Shop) -> None:
    shop.env |= gateway(shop, NEVER_SETTLES)
    order, sale = subscription(shop, token="tok_timeout_lost")
    lost(shop, f"order refund {order} --yes")
    shop.now = "2026-03-03T09:00:00Z"
    (retried,) = shop("queue retry -o json", as_="service").json
    shown = shop(f"txn show {sale} -o json").json

    assert (retried["outcome"], retried["attempt"]) == ("voided", 1)
    assert paid(shop) == [("void", "19.99")]
    assert (shown["voided"], shown["refundable"]) == (True, "0.00")
    assert [mail["Subject"].split()[0] for mail in shop.mails()] == ["Your"]
    assert shop("queue list --state any -o json").json[0]["state"] == "succeeded"
    assert shop("db check").code == 0


def test_a_void_refused_as_settled_and_the_refund_of_that_day_count_as_one_attempt(shop: Shop) -> None:
    order, _ = subscription(shop, token="tok_timeout_lost")
    lost(shop, f"order refund {order} --yes")
    shop.sql("UPDATE payment_methods SET token = 'tok_refund_declined'")
    shop.adopt()
    shop.now = "2026-03-03T09:00:00Z"
    (first,) = shop("queue retry -o json", as_="service").json
    again = shop("queue retry -o json", as_="service").json
    attempts = shop.sql("SELECT kind, state FROM transactions WHERE parent_id = 1 ORDER BY id")

    assert (first["outcome"], first["attempt"]) == ("queued", 1)
    assert again == []
    assert [(row["kind"], row["state"]) for row in attempts][1:] == [("void", "declined"), ("refund", "declined")]
    assert shop("queue list -o json").json[0]["attempts"] == 1
    assert shop("db check").code == 0


@one_database
def test_a_void_on_its_own_does_not_join_the_queue(shop: Shop) -> None:
    sale = make_sale(shop, settled=False, token="tok_timeout_lost")
    found = lost(shop, f"txn void {sale} --yes")

    assert found.json[0]["outcome"] == "failed"
    assert shop("queue list --state any -o json").json == []


def test_a_queued_void_that_becomes_a_refund_above_the_agents_limit_becomes_a_request(shop: Shop) -> None:
    shop("setting set agent-refund-limit '5 USD'")
    order, sale = subscription(shop, token="tok_timeout_lost")
    lost(shop, f"order refund {order} --reason damaged --yes", as_="agent")
    shop.now = "2026-03-03T09:00:00Z"
    (retried,) = shop("queue retry -o json", as_="service").json
    (request,) = shop("approval list -o json").json
    granted = shop(f"approval grant {request['id']} --yes -o json")

    assert retried["outcome"] == "pending"
    assert (request["transaction_id"], request["amount"], request["requested_by"]) == (sale, "19.99", "agent")
    assert request["reason"] == "damaged"
    assert granted.code == 0, granted.err
    assert paid(shop) == [("refund", "19.99")]
    assert shop("db check").code == 0


# -- while a charge is under way


def charged(shop: Shop, token: str) -> tuple[str, str, str]:
    """An order whose subscription was billed, with an unknown outcome: order, purchase and charge."""
    order = make_order(shop)
    card = make_payment_method(shop, token=token)
    purchase = make_purchase(
        shop, order, payment_method=card, status="active", interval="month", next_bill_on="2026-03-02", cycle=1
    )
    make_sale(shop, order=order, purchase=purchase, cycle=1, created_at="2026-02-02T09:00:00Z")
    shop(f"purchase force-bill {purchase} --yes")
    ((charge,),) = [tuple(row.values()) for row in shop.sql("SELECT id FROM transactions WHERE state = 'unknown'")]
    return order, purchase, f"txn_{charge}"


@pytest.mark.parametrize(("token", "charges"), [("tok_charge_timeout_applied", 1), ("tok_charge_timeout_lost", 0)])
def test_a_cancellation_and_a_date_wait_for_the_answer_of_a_charge(shop: Shop, token: str, charges: int) -> None:
    _, purchase, charge = charged(shop, token)
    moved = shop(f"purchase billing-date {purchase} 2026-04-20 -o json").json[0]
    before = shop(f"purchase show {purchase} -o json").json
    shop("txn reconcile", as_="service")
    after = shop(f"purchase show {purchase} -o json").json
    cancelled = shop(f"purchase cancel {purchase} --yes -o json").json[0]

    assert (moved["outcome"], moved["transaction_id"]) == ("pending", charge)
    assert charge in moved["message"]
    assert before["next_bill_on"] == "2026-03-02"
    assert after["next_bill_on"] == "2026-04-20"
    assert cancelled["outcome"] == "cancelled"
    assert len([row for row in shop.ledger() if row["at"].startswith("2026-03-02")]) == charges


@pytest.mark.parametrize("words", ["purchase cancel {purchase} --yes", "order cancel {order} --yes"])
def test_what_is_cancelled_while_it_is_charged_is_cancelled_once_that_is_answered(shop: Shop, words: str) -> None:
    order, purchase, charge = charged(shop, "tok_charge_timeout_applied")
    asked = shop(words.format(order=order, purchase=purchase) + " -o json")
    before = shop(f"purchase show {purchase} -o json").json["status"]
    shop("txn reconcile", as_="service")
    shown = shop(f"purchase show {purchase} -o json").json

    assert (asked.code, asked.json[0]["outcome"]) == (0, "pending")
    assert charge in asked.json[0]["message"]
    assert (before, shown["status"], shown["cycle"]) == ("active", "cancelled", 2)


@one_database
def test_while_a_process_waits_for_the_answer_nothing_is_kept(shop: Shop) -> None:
    order, purchase, _ = charged(shop, "tok_charge_timeout_applied")
    shop.sql("UPDATE transactions SET lease_until = '2026-03-02 09:05:00' WHERE state = 'unknown'")
    for words in (
        f"purchase cancel {purchase} --yes",
        f"order cancel {order} --yes",
        f"purchase billing-date {purchase} 2026-04-20",
    ):
        done = shop(f"{words} -o json")
        assert (done.code, "is being billed" in done.error["message"]) == (5, True), words


@one_database
@pytest.mark.parametrize("options", ["", " --cancel", " --all-cycles", " --cycle 1 --cancel"])
def test_an_order_is_not_refunded_behind_a_charge(shop: Shop, options: str) -> None:
    order, _, charge = charged(shop, "tok_charge_timeout_applied")
    done = shop(f"order refund {order}{options} --yes -o json")
    named = shop(f"order refund {order} --cycle 1 --yes -o json")

    assert (done.code, charge in done.error["cause"]) == (5, True)
    assert (named.code, named.json[0]["outcome"]) == (0, "refunded")
