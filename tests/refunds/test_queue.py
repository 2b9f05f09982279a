"""The refund queue (domain rules, section 4), day by day."""

from __future__ import annotations

import os

import pytest
from sqlalchemy import event

from csctl.bootstrap import start
from csctl.services.payments.reconcile import Orphans
from csctl.services.refunds import retries
from csctl.settings import load
from tests.factories import make_notify_email, make_order, make_purchase, make_sale
from tests.refunds.queued import DAYS, attempts_at_the_gateway, failed_refund, item, on
from tests.selection import on_sqlite
from tests.shops import Shop


def test_a_declined_refund_joins_the_queue_and_its_amount_stays_reserved(shop: Shop) -> None:
    sale = failed_refund(shop)

    queued = item(shop)
    assert queued["transaction_id"] == sale
    assert (queued["state"], queued["attempts"], queued["next_attempt_on"]) == ("queued", 0, "2026-03-03")
    assert shop(f"txn show {sale} -o json").json["refundable"] == "0.00"
    assert shop(f"txn refund {sale} --amount 1 --yes").code == 5


def test_nothing_is_retried_on_the_day_of_the_failure(shop: Shop) -> None:
    failed_refund(shop)

    done = shop("queue retry -o json", as_="service", at=on(0, "23:59:00"))

    assert (done.code, done.json) == (0, [])


def test_a_refund_that_succeeds_on_a_later_day_leaves_the_queue_and_is_announced_then(shop: Shop) -> None:
    failed_refund(shop, "tok_refund_declined_2")
    assert shop("email list -o json").json == []

    first = shop("queue retry -o json", as_="service", at=on(1))
    second = shop("queue retry -o json", as_="service", at=on(2))
    third = shop("queue retry -o json", as_="service", at=on(3))

    assert [(r["outcome"], r["attempt"]) for r in first.json] == [("queued", 1)]
    assert [(r["outcome"], r["attempt"]) for r in second.json] == [("refunded", 2)]
    assert (first.code, second.code, third.code, third.json) == (0, 0, 0, [])
    assert item(shop)["state"] == "succeeded"
    assert [row["kind"] for row in shop("email list -o json").json] == ["refund"]
    assert attempts_at_the_gateway(shop) == [
        (DAYS[0], "declined"),
        (DAYS[1], "declined"),
        (DAYS[2], "approved"),
    ]


def test_after_the_third_retry_it_is_given_up_released_and_every_notify_email_is_informed_once(shop: Shop) -> None:
    make_notify_email(shop, "finance@example.com")
    make_notify_email(shop, "lead@example.com")
    sale = failed_refund(shop)

    outcomes = [shop("queue retry -o json", as_="service", at=on(day)).json[0]["outcome"] for day in (1, 2, 3)]

    assert outcomes == ["queued", "queued", "exhausted"]
    assert (item(shop)["state"], item(shop)["attempts"]) == ("exhausted", 3)
    assert shop(f"txn show {sale} -o json").json["refundable"] == "19.99"
    mails = shop.mails()
    assert sorted(mail["To"] for mail in mails) == ["finance@example.com", "lead@example.com"]
    body = mails[0].get_body(("plain",))
    assert body is not None
    text = body.get_content()
    assert "19.99" in text
    assert text.count("Refund declined by the issuer") >= 4  # the failure and three retries, each with its reason
    assert shop("queue retry -o json", at=on(4)).json == []
    assert len(attempts_at_the_gateway(shop)) == 4


def test_twice_on_one_day_is_once(shop: Shop) -> None:
    failed_refund(shop)

    shop("queue retry", at=on(1))
    again = shop("queue retry -o json", at=on(1, "18:00:00"))

    assert again.json == []
    assert len(attempts_at_the_gateway(shop)) == 2


def test_a_cron_that_starts_earlier_than_yesterday_still_does_todays_work(shop: Shop) -> None:
    failed_refund(shop)

    shop("queue retry", at=on(1, "09:00:00"))
    done = shop("queue retry -o json", at=on(2, "08:58:00"))

    assert [row["attempt"] for row in done.json] == [2]


def test_a_missed_day_moves_the_rest_and_is_not_made_up(shop: Shop) -> None:
    failed_refund(shop)

    shop("queue retry", at=on(1))
    shop("queue retry", at=on(3))
    assert shop("queue retry -o json", at=on(3, "20:00:00")).json == []
    last = shop("queue retry -o json", at=on(4))

    assert [row["outcome"] for row in last.json] == ["exhausted"]


def test_a_business_day_is_the_shops_and_not_utcs(shop: Shop) -> None:
    shop("setting set timezone Pacific/Auckland")
    failed_refund(shop)  # Monday 22:00 there

    done = shop("queue retry -o json", at="2026-03-02T11:30:00Z")  # Tuesday 00:30 there

    assert len(done.json) == 1


def test_a_change_of_clocks_neither_skips_nor_doubles_a_day(shop: Shop) -> None:
    shop("setting set timezone Europe/Berlin")
    shop.now = "2026-03-28T09:00:00Z"
    failed_refund(shop)

    counts = [
        len(shop("queue retry -o json", at=at).json)
        for at in ("2026-03-28T22:59:00Z", "2026-03-28T23:01:00Z", "2026-03-29T21:59:00Z", "2026-03-29T22:01:00Z")
    ]

    assert counts == [0, 1, 0, 1]  # 29 March has 23 hours there


def test_partial_refunds_of_one_sale_queue_and_return_each_for_itself(shop: Shop) -> None:
    sale = make_sale(shop, amount="10.00", token="tok_refund_declined_2")
    shop(f"txn refund {sale} --amount 4 --yes")
    shop(f"txn refund {sale} --amount 6 --yes")

    shop("queue retry", at=on(1))

    approved = sorted(row["amount"] for row in shop.ledger() if row["kind"] == "refund" and row["result"] == "approved")
    assert approved == ["4.00", "6.00"]
    assert shop(f"txn show {sale} -o json").json["refunded"] == "10.00"


def test_a_refused_connection_joins_the_queue_too(shop: Shop) -> None:
    sale = make_sale(shop, token="tok_unreachable")

    done = shop(f"txn refund {sale} --yes -o json")

    assert (done.code, done.json[0]["outcome"]) == (12, "queued")


def test_wrong_credentials_queue_nothing_and_consume_no_attempt(shop: Shop) -> None:
    sale = make_sale(shop)
    wrong = {"CSCTL_GATEWAY_MAIN": f"sandbox:{shop.sandbox}?credentials=wrong"}

    refund = shop(f"txn refund {sale} --yes -o json", env=wrong)

    assert refund.code == 11
    assert shop("queue list -o json").json == []
    assert shop(f"txn show {sale} -o json").json["refundable"] == "19.99"

    failed_refund(shop, "tok_refund_declined_1")
    cron = shop("queue retry -o json", at=on(1), env=wrong)
    corrected = shop("queue retry -o json", at=on(1, "10:00:00"))

    assert (cron.code, [row["attempt"] for row in cron.json]) == (11, [None])
    assert [row["outcome"] for row in corrected.json] == ["refunded"]


def test_without_any_gateway_money_commands_exit_11(shop: Shop) -> None:
    sale = make_sale(shop)

    done = shop(f"txn refund {sale} --yes", env={"CSCTL_GATEWAY_MAIN": ""})

    assert done.code == 11
    assert "CSCTL_GATEWAY_MAIN" in done.err


def test_an_operator_may_retry_one_item_now_and_it_takes_the_days_turn(shop: Shop) -> None:
    failed_refund(shop)
    number = item(shop)["id"]

    now = shop(f"queue retry {number} --yes -o json", as_="agent")
    again = shop(f"queue retry {number} --yes -o json", as_="agent")
    cron_that_day = shop("queue retry -o json", as_="service", at=on(0, "20:00:00"))

    assert (now.code, now.json[0]["outcome"], now.json[0]["attempt"]) == (12, "queued", 1)
    assert again.code == 5
    assert "once a day" in again.json[0]["error"]["cause"]
    assert cron_that_day.json == []
    assert item(shop)["attempts"] == 1


def test_cron_runs_all_and_people_run_named_items(shop: Shop) -> None:
    failed_refund(shop)

    assert shop("queue retry", as_="agent", at=on(1)).code == 6
    assert shop(f"queue retry {item(shop)['id']} --yes", as_="service", at=on(1)).code == 6


def test_an_item_of_a_disputed_sale_is_skipped_without_consuming_an_attempt(shop: Shop) -> None:
    sale = failed_refund(shop, "tok_refund_declined_1")
    number = int(sale.removeprefix("txn_"))
    shop.sql("UPDATE transactions SET disputed_at = '2026-03-03 00:00:00' WHERE id = :id", id=number)

    disputed = shop("queue retry -o json", at=on(1))
    shop.sql("UPDATE transactions SET disputed_at = NULL WHERE id = :id", id=number)
    reverted = shop("queue retry -o json", at=on(2))

    assert disputed.json == []
    assert [(row["outcome"], row["attempt"]) for row in reverted.json] == [("refunded", 1)]


def test_without_notify_emails_the_cron_warns_every_time(shop: Shop) -> None:
    assert "no Notify Emails" in shop("queue retry").err
    make_notify_email(shop)
    assert "no Notify Emails" not in shop("queue retry").err


def test_an_approved_refund_that_a_bank_returns_joins_the_queue(shop: Shop) -> None:
    sale = make_sale(shop, token="tok_refund_returned")
    shop(f"txn refund {sale} --yes")
    assert shop("order list -o json").json[0]["status"] == "refunded"

    done = shop("txn sync -o json", as_="service", at=on(1))

    assert [row["outcome"] for row in done.json] == ["queued"]
    assert item(shop)["next_attempt_on"] == DAYS[2]
    assert shop("order list -o json").json[0]["status"] == "complete"
    history = [row["text"] for row in shop("customer history cus_1 -o json").json]
    assert any("returned" in text for text in history)
    assert shop("db check").code == 0


@pytest.mark.both_databases
def test_two_runs_at_once_attempt_each_item_once(shop: Shop) -> None:
    order = make_order(shop)
    make_purchase(shop, order)
    sales = [make_sale(shop, token="tok_refund_declined", adopt=False) for _ in range(12)]
    shop.adopt()
    shop("txn refund " + " ".join(sales) + " --yes --concurrency 8")
    slow = {"CSCTL_GATEWAY_MAIN": f"sandbox:{shop.sandbox}?latency_ms=60"}

    runs = [shop.start("queue retry --concurrency 3 -o jsonl", at=on(1), env=slow) for _ in range(2)]
    outs = [run.communicate(timeout=120) for run in runs]

    assert [run.returncode for run in runs] == [0, 0], outs
    assert sum(out.count('"attempt": 1') for out, _ in outs) == 12
    assert len([row for row in attempts_at_the_gateway(shop) if row[0] == DAYS[1]]) == 12


@on_sqlite
def test_what_another_run_has_taken_is_passed_over_together(shop: Shop) -> None:
    """One after the other, two runs would wait for each other at each item."""
    sales = [make_sale(shop, token="tok_refund_declined", adopt=False) for _ in range(30)]
    shop.adopt()
    shop("txn refund " + " ".join(sales) + " --yes --concurrency 8")
    app, looked = start(load({**os.environ, **shop.environment(at=on(1))}), "queue retry"), []
    event.listen(app.engine, "before_cursor_execute", lambda _c, _s, words, *_: looked.append(words))

    run = retries.retry_due(app, Orphans(), concurrency=1)
    first = next(run)
    *taken, left = (name for name in (f"rfq_{number}" for number in range(1, 31)) if name != first.id)
    shop(f"queue retry {' '.join(taken)} --yes", at=on(1))
    looked.clear()
    rest = list(run)
    app.close()

    assert [result.id for result in rest] == [left]
    assert sum("FROM refund_queue" in words and "refund_queue.id IN" in words for words in looked) < 10


@pytest.mark.parametrize(
    "command", ["queue remove rfq_1 --reason x --yes", "queue requeue rfq_1 --yes", "queue show rfq_1"]
)
def test_an_unknown_item_is_not_found(shop: Shop, command: str) -> None:
    assert shop(command).code == 4
