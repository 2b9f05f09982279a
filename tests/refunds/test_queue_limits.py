"""What may not happen in the refund queue (domain rules, section 4): twice a day, under way, beyond what is left."""

from __future__ import annotations

import sqlite3
from datetime import timedelta

import pytest

from tests.factories import make_customer, make_sale
from tests.refunds.scenes import finished, gateway, paid, sending
from tests.selection import on_sqlite
from tests.shops import Shop

TUESDAY, WEDNESDAY = "2026-03-03T09:00:00Z", "2026-03-04T09:00:00Z"


def in_the_queue(shop: Shop, token: str = "tok_refund_declined") -> str:
    """A sale whose refund was declined today; its item is rfq_1."""
    sale = make_sale(shop, token=token)
    assert shop(f"txn refund {sale} --yes").code == 12
    return sale


def item(shop: Shop) -> dict[str, object]:
    found: dict[str, object] = shop("queue show rfq_1 -o json").json
    return found


# -- once a day


def test_a_day_that_comes_again_is_still_taken_and_stops_no_other_item(shop: Shop) -> None:
    """The shop moves its zone back over a midnight, after an item was tried on the new day."""
    in_the_queue(shop)
    other = make_sale(shop, token="tok_refund_declined_1")
    shop(f"txn refund {other} --yes")
    shop("setting set timezone Pacific/Auckland")
    assert shop("queue retry rfq_1 --yes", at="2026-03-04T01:00:00Z").code == 12  # the 4th there
    shop("setting set timezone Pacific/Honolulu", at="2026-03-04T01:30:00Z")  # the 3rd again

    early = shop("queue retry rfq_1 --yes", at="2026-03-04T02:00:00Z")
    on_the_4th = shop("queue retry -o json", at="2026-03-04T12:00:00Z")

    assert early.code == 5
    assert (on_the_4th.code, [row["id"] for row in on_the_4th.json]) == (0, ["rfq_2"])
    assert item(shop)["attempts"] == 1


def test_a_retry_that_was_never_carried_out_is_not_an_attempt_and_waits_for_the_next_day(shop: Shop) -> None:
    in_the_queue(shop)
    lose_the_next_answer(shop)

    lost = shop("queue retry -o json", at=TUESDAY)
    found = shop("txn reconcile -o json", at="2026-03-03T10:00:00Z")
    same_day = shop("queue retry -o json", at="2026-03-03T11:00:00Z")
    after = item(shop)["attempts"]
    next_day = shop("queue retry -o json", at=WEDNESDAY)

    assert [row["outcome"] for row in lost.json] == ["unknown"]
    assert [row["outcome"] for row in found.json] == ["queued"]
    assert same_day.json == []
    assert after == 0
    assert [(row["outcome"], row["attempt"]) for row in next_day.json] == [("refunded", 1)]


def lose_the_next_answer(shop: Shop) -> None:
    """The sandbox loses the answer to a sale's first refund, and so must forget the one that was declined."""
    ledger = sqlite3.connect(shop.sandbox)
    with ledger:
        ledger.execute("DELETE FROM operations WHERE kind = 'refund'")
        ledger.execute("UPDATE operations SET token = 'tok_timeout_lost'")
    ledger.close()


def test_what_is_put_back_on_the_day_of_its_failure_waits_for_the_next_day(shop: Shop) -> None:
    in_the_queue(shop)
    shop("queue remove rfq_1 --reason mistake --yes")
    shop("queue requeue rfq_1 --yes")

    assert item(shop)["next_attempt_on"] == "2026-03-03"


# -- what is under way


@on_sqlite
@pytest.mark.parametrize("words", ["remove rfq_1 --reason x", "resolve rfq_1 --reference x", "requeue rfq_1"])
def test_an_item_that_is_under_way_is_left_alone(shop: Shop, words: str) -> None:
    """Its money may be on its way."""
    in_the_queue(shop, "tok_refund_declined_1")
    run = sending(shop, "queue retry", at=TUESDAY)

    refused = shop(f"queue {words} --yes", at=TUESDAY)
    finished(run)

    assert refused.code == 5
    assert item(shop)["state"] == "succeeded"
    assert paid(shop) == [("refund", "19.99")]


def test_a_lease_is_five_minutes_and_another_worker_is_refused_until_then(shop: Shop) -> None:
    sale = make_sale(shop)
    shop(f"txn refund {sale} --yes")
    sent = "UPDATE transactions SET state = 'sent', claim = 'x', lease_until = :until WHERE kind = 'refund'"
    shop.sql("UPDATE transactions SET reserved = refunded, refunded = 0 WHERE kind = 'sale'")
    shop.sql(sent, until=(shop.moment + timedelta(minutes=5)).replace(tzinfo=None))

    early = shop("queue retry", at="2026-03-02T09:04:59Z")
    late = shop("txn reconcile -o json", at="2026-03-02T09:05:01Z")

    assert (early.code, early.err.count("1 attempt is under way until 09:05:00 UTC")) == (0, 1)
    assert [row["outcome"] for row in late.json] == ["refunded"]


@on_sqlite
def test_the_lease_of_an_attempt_is_five_minutes(shop: Shop) -> None:
    make_sale(shop)
    run = sending(shop, "txn refund txn_1 --yes")
    leased = shop.sql("SELECT lease_until FROM transactions WHERE state = 'sent'")
    finished(run)

    assert str(leased[0]["lease_until"]).startswith("2026-03-02 09:05:00")


# -- what is left


def test_what_was_given_up_cannot_be_resolved_once_its_amount_is_gone(shop: Shop) -> None:
    in_the_queue(shop, "tok_refund_declined_1")
    shop("queue remove rfq_1 --reason mistake --yes")
    assert shop("txn refund txn_1 --amount 10 --yes").code == 0

    done = shop("queue resolve rfq_1 --reference bank --yes -o json")

    assert (done.code, done.json[0]["outcome"]) == (5, "refused")
    assert "is more than the remaining amount of txn_1" in done.json[0]["error"]["message"]
    assert item(shop)["state"] == "removed"


def test_a_blacklisted_customer_gets_his_money_back(shop: Shop) -> None:
    customer = make_customer(shop)
    sale = make_sale(shop, customer=customer)
    shop(f"blacklist add --customer {customer} --reason fraud --yes")

    assert shop(f"txn refund {sale} --yes").code == 0
    assert len(shop.mails()) == 1


# -- what is written down


def test_every_change_of_an_item_is_in_the_audit_log(shop: Shop) -> None:
    in_the_queue(shop)
    shop("queue remove rfq_1 --reason mistake --yes")
    shop("queue requeue rfq_1 --yes")
    shop("queue resolve rfq_1 --reference bank --yes")
    trail = shop.sql("SELECT command, outcome FROM audit WHERE target = 'rfq_1' ORDER BY id")

    assert trail == [
        {"command": "queue remove", "outcome": "removed"},
        {"command": "queue requeue", "outcome": "requeued"},
        {"command": "queue resolve", "outcome": "resolved"},
    ]


@pytest.mark.parametrize("cron", ["queue retry", "billing run"])
def test_the_cron_delivers_what_waits_last(shop: Shop, cron: str) -> None:
    """The mail server was down when the refund was announced."""
    sale = make_sale(shop)
    shop(f"txn refund {sale} --yes", env={"CSCTL_MAIL_URL": "smtp://127.0.0.1:1"})
    waiting = len(shop.mails())
    shop(cron, as_="service")

    assert waiting == 0
    assert len(shop.mails()) == 1


def test_wrong_credentials_move_nothing_and_are_tried_once_a_run(shop: Shop) -> None:
    """Nothing was sent, however often cron tries: the history does not mention it, and it is not an attempt."""
    in_the_queue(shop)
    other = make_sale(shop, token="tok_refund_declined")
    shop(f"txn refund {other} --yes")
    sale = make_sale(shop)
    before = shop.sql("SELECT count(*) AS n FROM history")
    wrong = gateway(shop, "credentials=wrong")
    words = ("queue retry --concurrency 1", "queue retry --concurrency 1", f"txn refund {sale} --yes")
    codes = [shop(one, at=TUESDAY, env=wrong).code for one in words]

    assert codes == [11, 11, 11]
    assert shop.sql("SELECT count(*) AS n FROM transactions WHERE reason = 'misconfigured'") == [{"n": 3}]
    assert shop.sql("SELECT count(*) AS n FROM history") == before
    assert len(item(shop)["history"]) == 1  # type: ignore[arg-type]
    assert shop(f"txn show {sale} -o json").json["refundable"] == "19.99"
    assert shop("db check").code == 0
    corrected = shop("queue retry --concurrency 1 -o json", at=TUESDAY)
    assert [row["id"] for row in corrected.json] == ["rfq_1", "rfq_2"], "the day is still free"
