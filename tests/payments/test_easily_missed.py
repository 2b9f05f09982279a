"""Rules that are easily missed, each shown by the bug reports of other systems."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.factories import (
    make_customer,
    make_fulfillment,
    make_order,
    make_payment_method,
    make_price,
    make_purchase,
    make_sale,
)
from tests.selection import one_database
from tests.shops import Shop

TUESDAY, WEDNESDAY = "2026-03-03T09:00:00Z", "2026-03-04T09:00:00Z"


def order_of(shop: Shop, sale: str) -> str:
    return str(shop(f"txn show {sale} -o json").json["order_id"])


# -- requests that are repeated


@one_database
@pytest.mark.parametrize("key", ["''", "'  '"])
def test_an_empty_request_id_is_refused(shop: Shop, key: str) -> None:
    """As from an unset variable of a script: the next refund would be taken for the first one."""
    done = shop(f"txn refund {make_sale(shop)} --yes --request-id {key} -o json")

    assert (done.code, done.error["message"]) == (2, "the request id is empty")
    assert [row["kind"] for row in shop.ledger()] == ["sale"]


def test_a_repeated_request_tells_of_the_retry_that_succeeded(shop: Shop) -> None:
    words = f"txn refund {make_sale(shop, token='tok_refund_declined_1')} --yes --request-id K -o json"
    assert shop(words).code == 12
    retried = shop("queue retry -o json", at=TUESDAY).json[0]

    again = shop(words, at=TUESDAY)

    assert (again.code, again.json[0]["outcome"]) == (0, "refunded")
    assert again.json[0]["transaction_id"] == retried["transaction_id"]


@one_database
def test_a_repeated_request_tells_of_the_payment_outside_that_resolved_it(shop: Shop) -> None:
    words = f"txn refund {make_sale(shop, token='tok_refund_declined_1')} --yes --request-id K -o json"
    item = shop(words).json[0]["queue_item_id"]
    shop(f"queue resolve {item} --reference 'wire 7' --yes")

    again = shop(words)

    assert (again.code, again.json[0]["outcome"]) == (0, "resolved")
    assert "wire 7" in again.json[0]["message"]


# -- disputes


def test_a_queued_refund_of_a_disputed_sale_waits_for_the_dispute_everywhere(shop: Shop) -> None:
    sale = make_sale(shop, token="tok_refund_declined_9")
    item = shop(f"txn refund {sale} --yes -o json").json[0]["queue_item_id"]
    shop(f"txn dispute {sale} --yes")
    shop.now = "2026-03-06T09:00:00Z"
    listed, shown, stats, retried = (
        shop("queue list -o json").json[0],
        shop(f"queue show {item}").out,
        shop("queue stats -o json").json[0],
        shop("queue retry"),
    )
    (doctor,) = [row for row in shop("doctor -o json").json if row["check"] == "queue"]

    assert (listed["state"], listed["waits_for"], listed["next_attempt_on"]) == ("queued", "dispute", None)
    assert "dispute" in shown
    assert (stats["due_today"], stats["disputed"]) == (0, 1)
    assert "1 refund waits for the dispute of its sale" in retried.err
    assert doctor["status"] == "ok"


# -- what is left of an order


@one_database
@pytest.mark.parametrize(
    ("words", "token", "settled", "why"),
    [
        ("txn void {} --yes", "tok_ok", False, "voided: txn_2"),
        ("txn refund {} --yes", "tok_ok", True, "19.99 USD is refunded (txn_2)"),
        ("txn dispute {} --yes", "tok_ok", True, "disputed"),
        ("txn refund {} --yes", "tok_timeout_applied", True, "19.99 USD is under way or queued (txn_2)"),
        ("txn refund {} --yes", "tok_refund_declined", True, "19.99 USD is under way or queued (rfq_1)"),
    ],
)
def test_nothing_left_of_an_order_says_where_its_money_is(
    shop: Shop, words: str, token: str, settled: bool, why: str
) -> None:
    sale = make_sale(shop, token=token, settled=settled)
    order = order_of(shop, sale)
    shop(words.format(sale))

    done = shop(f"order refund {order} --yes -o json")

    assert (done.code, done.error["message"]) == (5, "nothing remains to refund")
    assert done.error["cause"].startswith(f"{sale}: ")
    assert why in done.error["cause"]


# -- shipments


@one_database
@pytest.mark.parametrize(
    ("words", "settled", "why"),
    [
        ("txn void {sale} --yes", False, "is voided"),
        ("txn refund {sale} --yes", True, "is refunded"),
        ("order cancel {order} --yes", True, "is cancelled"),
    ],
)
def test_what_was_paid_back_or_cancelled_is_shipped_only_on_purpose(
    shop: Shop, words: str, settled: bool, why: str
) -> None:
    sale = make_sale(shop, settled=settled)
    order = order_of(shop, sale)
    shop(words.format(sale=sale, order=order))
    held, packed, sent = (make_fulfillment(shop, order, status) for status in ("hold", "pending_shipment", "delivered"))

    for command in (
        f"fulfillment release {held}",
        f"fulfillment ship {packed} --carrier UPS --tracking 1Z9",
        f"fulfillment reship {sent}",
    ):
        refused, meant = shop(command), shop(f"{command} --yes")
        assert (refused.code, meant.code) == (2, 0), meant.err
        assert f"Warning: {command.split()[2]}: {order} {why}" in meant.err


@one_database
def test_what_was_paid_for_is_shipped_without_a_question(shop: Shop) -> None:
    order = order_of(shop, make_sale(shop))
    done = shop(f"fulfillment release {make_fulfillment(shop, order, 'hold')}")

    assert (done.code, "Warning" in done.err) == (0, False)


# -- billing


def test_a_cancellation_before_the_next_billing_follows_a_force_bill(shop: Shop) -> None:
    purchase = make_purchase(
        shop,
        payment_method=make_payment_method(shop),
        interval="month",
        status="active",
        next_bill_on="2026-03-10",
    )
    assert shop(f"purchase cancel {purchase} --when before-next --yes").code == 0
    assert shop(f"purchase force-bill {purchase} --yes").code == 0
    shown = shop(f"purchase show {purchase} -o json").json
    shop("billing run", at="2026-03-10T09:00:00Z")
    then = shop(f"purchase show {purchase} -o json").json["status"]
    shop("billing run", at="2026-04-10T09:00:00Z")
    last = shop(f"purchase show {purchase} -o json").json["status"]

    assert (shown["next_bill_on"], shown["cancel_on"]) == ("2026-04-10", "2026-04-10")
    assert (then, last) == ("cancellation_scheduled", "cancelled")
    assert [row["amount"] for row in shop.ledger()] == ["19.99"]


@one_database
@pytest.mark.parametrize("trial", ["--trial-days 0 --trial-amount 5.00", "--trial-amount 5.00", "--trial-days 0"])
def test_a_trial_needs_a_day(shop: Shop, trial: str) -> None:
    make_price(shop, "once", sku="tea")
    done = shop(f"product price add tea monthly --amount 10 --currency USD --interval month {trial} -o json")

    assert done.code == 2, done.err
    assert "trial" in done.error["message"]


@one_database
def test_an_imported_trial_needs_a_day(shop: Shop, tmp_path: Path) -> None:
    file = tmp_path / "products.csv"
    header = "sku,price,amount,currency,interval,trial_days,trial_amount"
    file.write_text(f"{header}\ntea,monthly,10,USD,month,0,5.00\ncoffee,weekly,10,USD,7 days,0,\n")
    done = shop(f"data import products {file} -o json")

    assert (done.code, done.json["created"], done.json["rejected"]) == (3, 1, 1), done.err


@one_database
def test_a_charge_at_the_gateway_is_imported_as_one_sale(shop: Shop, tmp_path: Path) -> None:
    make_sale(shop, gateway_ref="ch_1")
    shop.sql("UPDATE orders SET external_id = 'O1'")
    file = tmp_path / "transactions.csv"
    header = "external_id,order,kind,state,amount,currency,gateway,gateway_ref\n"
    refs = {"A": "ch_1", "B": "ch_2", "C": "ch_2", "D": "0", "E": "0"}
    file.write_text(header + "".join(f"{key},O1,sale,approved,5.00,USD,main,{ref}\n" for key, ref in refs.items()))
    done = shop(f"data import transactions {file} -o json")
    again = shop(f"data import transactions {file} -o json")

    assert (done.code, done.json["created"], done.json["rejected"]) == (3, 3, 2), done.err
    assert (again.json["unchanged"], again.json["rejected"]) == (3, 2)
    shop.sql("UPDATE transactions SET gateway_ref = 'ch_1', duplicate_at = created_at WHERE external_id = 'B'")
    for reference, counts in (("ch_1", (0, 1)), ("ch_9", (1, 0))):  # another sale's, and one of its own
        file.write_text(f"{header}D,O1,sale,approved,5.00,USD,main,{reference}\n")
        done = shop(f"data import transactions {file} --update -o json")
        assert (done.json["updated"], done.json["rejected"]) == counts, done.err
    file.write_text(f"{header}B,O1,sale,approved,5.00,USD,main,ch_2\n")
    shop(f"data import transactions {file} --update")
    assert shop.sql("SELECT id FROM transactions WHERE duplicate_at IS NOT NULL") == []


@one_database
def test_a_charge_answered_with_the_reference_of_another_sale_is_for_a_person(shop: Shop) -> None:
    customer = make_customer(shop)
    make_payment_method(shop, customer, token="tok_charge_timeout_applied")
    shop(f"order create --customer {customer} --item {make_price(shop)} --yes")
    other = make_sale(shop, gateway_ref=shop.ledger()[0]["ref"], adopt=False)

    found = shop("txn reconcile txn_1 -o json")
    (problem,) = found.json
    closed = shop("txn reconcile txn_1 --as failed -o json")

    assert (found.code, problem["outcome"]) == (9, "unknown")
    assert other in problem["error"]["cause"]
    assert (closed.code, closed.json[0]["outcome"]) == (0, "failed")


# -- customers


def test_the_former_email_and_phone_of_a_merged_customer_find_who_has_them_now(shop: Shop) -> None:
    kept = make_customer(shop, email="jane@example.com", phone="+12025550101")
    other = make_customer(shop, email="doe@example.org", phone="+12025550102")
    order = make_order(shop, other)
    shop(f"customer merge {kept} {other} --yes")

    by_email = shop("customer search --email doe@example.org -o json")
    by_phone = shop("customer search --phone '(202) 555-0102' -o json")

    assert [row["id"] for row in by_email.json] == [kept]
    assert [row["id"] for row in by_phone.json] == [kept]
    assert shop("customer show doe@example.org -o json").json["orders"][0]["id"] == order
