"""What a refund's reason leads to: the queue counts it, waits, or gives up at once (domain rules, sections 3 and 4)."""

from __future__ import annotations

from typing import Any

import pytest

from csctl.domain.reasons import REFUND, Reason, Refused
from tests.factories import make_notify_email, make_sale
from tests.selection import on_sqlite
from tests.shops import Shop

pytestmark = on_sqlite
TUESDAY = "2026-03-03T09:00:00Z"
CODES = {rule: 5 if rule is Refused.NOTHING else 12 for rule in Refused}
# Those that end an attempt without the gateway's answer, or are no answer to a refund.
_ELSEWHERE = {
    *(Reason.ABANDONED, Reason.MISCONFIGURED, Reason.RETURNED, Reason.NEVER_EXECUTED, Reason.RECORDED_BY_MISTAKE),
    *(Reason.DUPLICATE, Reason.ANSWER_LOST, Reason.MISMATCH, Reason.UNDER_REVIEW, Reason.UNKNOWN_REFERENCE),
}
REASONS = [reason for reason in Reason if reason not in _ELSEWHERE]


def item(shop: Shop) -> dict[str, Any]:
    found = shop("queue list --state any -o json").json
    return dict(found[0]) if found else {}


def test_every_reason_has_its_rule(backend: str) -> None:
    """Written down independently of the code."""
    rules = {
        Refused.COUNT: "declined soft_declined authentication already_settled returned balance under_review",
        Refused.WAIT: "not_settled busy unreachable disputed",
        Refused.TOMORROW: "duplicate never_executed answer_lost",
        Refused.PERSON: "refused card_closed too_old not_refundable mismatch",
        Refused.TOTALS: "already_refunded over_amount",
        Refused.NOTHING: "already_voided",
        Refused.RELEASE: "unknown_reference abandoned misconfigured recorded_by_mistake",
    }

    assert {Reason(reason): rule for rule, reasons in rules.items() for reason in reasons.split()} == REFUND
    assert set(REFUND) == set(Reason)


@pytest.mark.parametrize("reason", REASONS)
def test_a_first_refund(shop: Shop, reason: Reason) -> None:
    make_notify_email(shop)
    sale = make_sale(shop, token=f"tok_refund_{reason}")

    done = shop(f"txn refund {sale} --yes -o json")

    rule = REFUND[reason]
    assert done.code == CODES[rule]
    assert item(shop).get("state") == {
        Refused.COUNT: "queued",
        Refused.WAIT: "queued",
        Refused.PERSON: "exhausted",
        Refused.TOTALS: "exhausted",  # they explain nothing here
        Refused.NOTHING: None,
    }.get(rule)
    row = shop(f"txn show {sale} -o json").json
    given_up = rule in (Refused.PERSON, Refused.TOTALS)
    free = given_up or rule is Refused.NOTHING
    assert row["refundable"] == ("19.99" if given_up else "0.00")
    assert row["voided"] is (rule is Refused.NOTHING)
    assert (shop.sql("SELECT reserved FROM transactions WHERE id = 1")[0]["reserved"] == 0) is free
    assert len(shop.mails()) == (1 if given_up else 0)


@pytest.mark.parametrize("reason", REASONS)
def test_a_retry(shop: Shop, reason: Reason) -> None:
    make_notify_email(shop)
    sale = make_sale(shop, token="tok_refund_declined")
    shop(f"txn refund {sale} --yes")
    shop.sql("UPDATE payment_methods SET token = :token", token=f"tok_refund_{reason}")
    shop.adopt()

    shop("queue retry", at=TUESDAY, as_="service")

    found = item(shop)
    expected = {
        Refused.COUNT: ("queued", 1),
        Refused.WAIT: ("queued", 0),
        Refused.PERSON: ("exhausted", 1),
        Refused.TOTALS: ("exhausted", 0),
        Refused.NOTHING: ("resolved", 0),
    }
    assert (found["state"], found["attempts"]) == expected[REFUND[reason]]
    if REFUND[reason] is Refused.WAIT:  # the day's slot is free again
        assert shop.sql("SELECT last_attempt_on FROM refund_queue") == [{"last_attempt_on": None}]


def test_a_refund_of_a_sale_that_the_gateway_does_not_know_means_the_wrong_account(shop: Shop) -> None:
    sale = make_sale(shop, adopt=False)

    done = shop(f"txn refund {sale} --yes -o json")

    assert done.code == 11
    assert item(shop) == {}
    assert shop(f"txn show {sale} -o json").json["refundable"] == "19.99"


def test_five_days_without_the_gateway_are_no_attempt(shop: Shop) -> None:
    sale = make_sale(shop, token="tok_unreachable")
    assert shop(f"txn refund {sale} --yes").code == 12

    for day in range(3, 8):
        done = shop("queue retry -o json", at=f"2026-03-0{day}T09:00:00Z", as_="service")
        assert (done.code, done.json[0]["message"]) == (8, "connection refused, tried again by the next run")
    assert (item(shop)["state"], item(shop)["attempts"]) == ("queued", 0)
    shop.sql("UPDATE payment_methods SET token = 'tok_ok'")
    shop.adopt()
    shop("queue retry", at="2026-03-08T09:00:00Z", as_="service")

    assert item(shop)["state"] == "succeeded"
    assert [row["amount"] for row in shop.ledger() if row["kind"] == "refund"] == ["19.99"]


def test_after_an_outage_the_next_run_begins_with_what_the_last_one_did_not_reach(shop: Shop) -> None:
    sales = [make_sale(shop, token="tok_refund_declined", adopt=False) for _ in range(7)]
    shop.adopt()
    shop(f"txn refund {' '.join(sales)} --yes --concurrency 1")
    shop.sql("UPDATE payment_methods SET token = 'tok_unreachable'")
    shop.adopt()
    shop("queue retry --concurrency 1", at=TUESDAY, as_="service")
    shop.now = "2026-03-04T09:00:00Z"

    (doctor,) = [row for row in shop("doctor -o json").json if row["check"] == "queue"]
    waiting = {row["next_attempt_on"] for row in shop("queue list -o json").json}
    then = shop("queue retry --concurrency 1 -o json", as_="service")

    assert doctor["problem"] == "2 refunds due before today and not attempted: main did not answer"
    assert waiting == {"2026-03-04"}
    assert [row["id"] for row in then.json][:2] == ["rfq_6", "rfq_7"]


def test_a_refund_that_is_taken_for_a_duplicate_each_day_is_reported_to_people(shop: Shop) -> None:
    make_notify_email(shop)
    shop("setting set unattempted-days 2")
    shop(f"txn refund {make_sale(shop, token='tok_duplicate')} --yes")

    for day in range(3, 8):
        shop("queue retry", at=f"2026-03-0{day}T09:00:00Z", as_="service")

    (email,) = shop.mails()
    assert "could not be attempted for 2 days" in email.as_string()
    assert "Duplicate" in item(shop)["last_reason"]
    assert (item(shop)["state"], item(shop)["attempts"]) == ("in_progress", 0)  # unknown until the next run asks


def test_a_pending_retry_that_is_approved_is_a_row_of_the_run_that_finds_it(shop: Shop) -> None:
    shop(f"txn refund {make_sale(shop, token='tok_refund_declined')} --yes")
    shop.sql("UPDATE payment_methods SET token = 'tok_pending'")
    shop.adopt()
    accepted = shop("queue retry -o json", at=TUESDAY, as_="service")
    done = shop("queue retry -o json", at="2026-03-04T09:00:00Z", as_="service")

    assert [row["outcome"] for row in accepted.json] == ["pending"]
    assert [(row["id"], row["outcome"]) for row in done.json] == [("rfq_1", "refunded")]
    assert f"{accepted.json[0]['transaction_id']}: refunded" in done.err


def test_a_run_leaves_an_account_alone_that_does_not_answer(shop: Shop) -> None:
    sales = [make_sale(shop, token="tok_unreachable", adopt=False) for _ in range(8)]
    shop.adopt()

    done = shop(f"txn refund {' '.join(sales)} --yes -o json")

    outcomes = [row["outcome"] for row in done.json]
    assert outcomes == ["queued"] * 5 + ["refused"] * 3
    assert done.err.count("nothing more is sent to it in this run") == 1
    assert shop.sql("SELECT count(*) AS made FROM transactions WHERE kind = 'refund'") == [{"made": 5}]


def test_what_was_sent_to_an_account_that_is_left_alone_is_recorded(shop: Shop) -> None:
    gone = [make_sale(shop, token="tok_unreachable", adopt=False) for _ in range(12)]
    good = [make_sale(shop, adopt=False) for _ in range(12)]
    shop.adopt()

    done = shop(f"txn refund {' '.join(gone + good)} --yes --concurrency 32 -o json")

    assert [row["outcome"] for row in done.json if row["id"] in good] == ["refunded"] * 12
    assert shop("db check").code == 0


def test_a_retry_keeps_the_reason_of_the_refund_that_it_repeats(shop: Shop) -> None:
    """The report by reason names why the customer's money was returned, on whichever day that was."""
    sale = make_sale(shop, token="tok_refund_declined_1")
    shop(f"txn refund {sale} --reason late --yes")

    shop("queue retry", at=TUESDAY, as_="service")

    assert [(row["group"], row["refunds"]) for row in shop("report refunds -o json").json] == [("late", 1)]
