"""Doing it again, later or differently: requests repeated, choices contradicted, refunds that come back."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

from tests.factories import make_fulfillment, make_notify_email, make_order, make_purchase, make_sale
from tests.refunds.scenes import gateway, paid, rebilled
from tests.selection import on_sqlite
from tests.shops import Shop

TUESDAY = "2026-03-03T09:00:00Z"
pytestmark = on_sqlite


def history(shop: Shop) -> list[str]:
    return [row["text"] for row in shop("customer history cus_1 -o json").json]


# -- the same again


def test_the_last_billing_is_returned_once_however_often_it_is_asked_for(shop: Shop) -> None:
    order, _ = rebilled(shop, 3)

    codes = [shop(f"order refund {order} --last --yes").code for _ in range(3)]

    assert codes == [0, 5, 5]
    assert paid(shop) == [("refund", "19.99")]


def test_a_purchase_gets_its_price_back_once_however_often_it_is_asked_for(shop: Shop) -> None:
    order = make_order(shop, total="30.00")
    small = make_purchase(shop, order, unit_price="10.00")
    make_purchase(shop, order, unit_price="20.00")
    make_sale(shop, amount="30.00", order=order)

    codes = [shop(f"order refund {order} --purchase {small} --yes").code for _ in range(3)]

    assert codes == [0, 5, 5]
    assert paid(shop) == [("refund", "10.00")]


def test_choices_of_billings_exclude_each_other(shop: Shop) -> None:
    order, _ = rebilled(shop)

    assert shop(f"order refund {order} --last --all-cycles --yes").code == 2
    assert shop(f"order refund {order} --last --cycle 1 --yes").code == 2
    assert paid(shop) == []


def test_removing_and_requeueing_does_not_lift_the_agents_limit(shop: Shop) -> None:
    shop("setting", "set", "agent-refund-limit", "5 USD")
    sale = make_sale(shop, amount="20.00", token="tok_refund_declined_1")
    shop(f"txn refund {sale} --amount 5 --yes", as_="agent")
    shop("queue remove rfq_1 --reason x --yes", as_="agent")
    shop(f"txn refund {sale} --amount 5 --yes", as_="agent")

    requeued = shop("queue requeue rfq_1 --yes", as_="agent")
    shop("queue retry rfq_1 --yes", as_="agent", at=TUESDAY)

    assert requeued.code == 6
    assert paid(shop) == [("refund", "5.00")]


def test_a_request_that_was_refused_for_wrong_credentials_may_be_said_again(shop: Shop) -> None:
    sale = make_sale(shop)
    words = f"txn refund {sale} --amount 5 --request-id K --yes"

    wrong = shop(words, env=gateway(shop, "credentials=wrong"))
    corrected = shop(words)

    assert (wrong.code, corrected.code) == (11, 0)
    assert paid(shop) == [("refund", "5.00")]


def test_asking_with_wrong_credentials_leaves_an_attempt_free_to_be_asked_about(shop: Shop) -> None:
    sale = make_sale(shop, token="tok_timeout_applied")
    attempt = shop(f"txn refund {sale} --yes -o json").json[0]["transaction_id"]

    wrong = shop(f"txn reconcile {attempt}", env=gateway(shop, "credentials=wrong"))
    corrected = shop(f"txn reconcile {attempt}")

    assert (wrong.code, corrected.code) == (11, 0)


def test_a_disputed_sales_refund_is_not_sent_again_with_its_key(shop: Shop) -> None:
    shop.env |= gateway(shop, "lookup=off")
    sale = make_sale(shop, token="tok_timeout_lost")
    shop(f"txn refund {sale} --yes")

    disputed = shop(f"txn dispute {sale}")
    shop("txn reconcile")

    assert disputed.code == 0
    assert paid(shop) == []


# -- what is found out later


def test_reconciling_a_named_refund_that_joins_the_queue_is_a_success(shop: Shop) -> None:
    sale = make_sale(shop, token="tok_timeout_lost")
    attempt = shop(f"txn refund {sale} --yes -o json").json[0]["transaction_id"]

    done = shop(f"txn reconcile {attempt} -o json")

    assert (done.code, done.json[0]["outcome"]) == (0, "queued")


def test_a_void_that_was_made_at_the_gateway_is_found_and_reported(shop: Shop) -> None:
    sale = make_sale(shop, settled=False)
    ledger = sqlite3.connect(shop.sandbox)
    with ledger:
        ledger.execute("UPDATE operations SET voided = 1")
    ledger.close()

    done = shop("txn sync -o json")

    assert [row["outcome"] for row in done.json] == ["updated"]
    assert shop(f"txn show {sale} -o json").json["voided"] is True
    assert shop("order list -o json").json[0]["status"] == "refunded"
    assert shop.sql("SELECT target FROM audit WHERE command = 'txn sync'") == [{"target": sale}]


def test_the_history_says_once_that_a_refund_is_pending(shop: Shop) -> None:
    sale = make_sale(shop, token="tok_pending")
    shop(f"txn refund {sale} --yes")

    for minute in (10, 20, 30):
        shop("txn reconcile", at=f"2026-03-02T09:{minute}:00Z")

    assert len([said for said in history(shop) if "pending" in said]) == 1


def test_a_refund_that_the_bank_returns_every_time_is_given_up_after_three_attempts(shop: Shop) -> None:
    make_notify_email(shop)
    sale = make_sale(shop, token="tok_refund_returned")
    shop(f"txn refund {sale} --amount 5 --yes")
    outcomes: list[Any] = []

    for day in range(3, 23):
        synced = shop("txn sync -o json", at=f"2026-03-{day:02}T09:00:00Z")
        retried = shop("queue retry -o json", at=f"2026-03-{day:02}T10:00:00Z")
        outcomes += [row["outcome"] for row in (*synced.json, *retried.json)]
    shop.now = "2026-03-23T09:00:00Z"
    (item,) = shop("queue list --state any -o json").json
    emails = [row["kind"] for row in shop("email list --all -o json").json]

    assert outcomes == ["queued", "refunded", "queued", "refunded", "exhausted"]
    assert (item["state"], item["attempts"]) == ("exhausted", 3)
    assert sorted(emails) == ["refund", "refund_exhausted"], "no second email that says that the money is on its way"
    assert shop(f"txn show {sale} -o json").json["refundable"] == "19.99"
    assert shop("db check").code == 0


def test_a_refund_that_comes_back_from_a_closed_card_is_given_up_at_once(shop: Shop) -> None:
    make_notify_email(shop)
    sale = make_sale(shop)
    shop(f"txn refund {sale} --amount 5 --yes")
    with sqlite3.connect(shop.sandbox) as ledger:
        ledger.execute("UPDATE operations SET result = 'failed', reason = 'card_closed' WHERE kind = 'refund'")

    synced = shop("txn sync -o json", at="2026-03-03T09:00:00Z")
    (item,) = shop("queue list --state any -o json").json

    assert [row["outcome"] for row in synced.json] == ["exhausted"]
    assert (item["state"], item["attempts"]) == ("exhausted", 1)
    assert "refund_exhausted" in [row["kind"] for row in shop("email list --all -o json").json]
    assert shop(f"txn show {sale} -o json").json["refundable"] == "19.99"


def test_after_a_requeue_returns_count_from_the_start(shop: Shop) -> None:
    sale = make_sale(shop, token="tok_refund_returned")
    shop(f"txn refund {sale} --amount 5 --yes")
    for day in range(3, 8):
        shop("txn sync", at=f"2026-03-{day:02}T09:00:00Z")
        shop("queue retry", at=f"2026-03-{day:02}T10:00:00Z")

    requeued = shop("queue requeue rfq_1 --yes", at="2026-03-07T11:00:00Z")
    shop("queue retry", at="2026-03-08T10:00:00Z")
    shop("txn sync", at="2026-03-09T10:00:00Z")
    (item,) = shop("queue list --state any -o json").json

    assert requeued.code == 0
    assert (item["state"], item["attempts"]) == ("queued", 1)


def test_a_refunded_order_that_is_billed_again_is_complete(shop: Shop) -> None:
    order, _ = rebilled(shop, 1)
    shop.sql("UPDATE purchases SET cycle = 1, payment_method_id = (SELECT min(id) FROM payment_methods)")
    shop(f"order refund {order} --yes")

    shop("billing run", at="2026-04-02T09:00:00Z")

    assert shop("order list -o json").json[0]["status"] == "complete"


# -- what goes with a refund


def test_the_note_of_a_refund_in_several_parts_is_kept_once(shop: Shop) -> None:
    order, _ = rebilled(shop, 3)

    shop("order", "refund", order, "--all-cycles", "--note", "called", "--yes")

    assert history(shop).count("called") == 1


def test_cancelling_with_a_transactions_refund_leaves_shipments_alone(shop: Shop) -> None:
    order = make_order(shop)
    for _ in range(2):
        make_purchase(shop, order, status="active", interval="month", next_bill_on="2026-04-01")
    make_fulfillment(shop, order)
    sale = make_sale(shop, amount="39.98", order=order)

    shop(f"txn refund {sale} --amount 1 --cancel --yes")

    assert shop.sql("SELECT status FROM purchases") == [{"status": "cancelled"}] * 2
    assert shop.sql("SELECT status FROM fulfillments") == [{"status": "pending"}]


# -- accounts that this environment does not know


def test_trouble_with_one_account_keeps_the_cron_from_nothing_else(shop: Shop) -> None:
    make_notify_email(shop)
    orphan = make_sale(shop, token="tok_timeout_applied")
    shop(f"txn refund {orphan} --amount 5 --yes")
    shop.sql("UPDATE transactions SET gateway = 'eu'")
    declined = make_sale(shop, token="tok_refund_declined_1")
    shop(f"txn refund {declined} --amount 5 --yes")

    done = shop("queue retry -o json", as_="service", at=TUESDAY)

    assert [row["outcome"] for row in json.loads(done.out)] == ["refunded"]
    assert len(shop.mails()) == 1


def test_items_of_an_unconfigured_account_are_no_success(shop: Shop) -> None:
    make_notify_email(shop)
    elsewhere, here = (make_sale(shop, token="tok_refund_declined_1") for _ in range(2))
    shop(f"txn refund {elsewhere} {here} --amount 5 --yes")
    shop.sql("UPDATE transactions SET gateway = 'eu' WHERE id = 1")

    assert shop("queue retry", as_="service", at=TUESDAY).code == 11


def test_a_dry_run_remembers_no_account(shop: Shop) -> None:
    sale = make_sale(shop)
    before = shop.sql("SELECT * FROM gateway_accounts")

    shop(f"txn refund {sale} --dry-run", env={"CSCTL_GATEWAY_TYPO": f"sandbox:{shop.folder}/typo.db"})

    assert shop.sql("SELECT * FROM gateway_accounts") == before
