"""csctl email: what is in the outbox, for people and for scripts."""

from __future__ import annotations

import pytest

from tests.emails.waiting import NOWHERE, make_email
from tests.factories import make_customer, make_order, make_sale, make_transaction
from tests.shops import Shop

KEYS = {
    "id", "kind", "recipient", "subject", "state", "order_id", "transaction_id", "created_at", "sent_at", "message_id",
}  # fmt: skip


def test_the_list_has_the_keys_of_the_contract_newest_first(shop: Shop) -> None:
    customer = make_customer(shop, email="jane@example.com")
    order = make_order(shop, customer)
    sale = make_sale(shop, order=order)
    refund = shop(f"txn refund {sale} --yes -o json").json[0]["transaction_id"]
    shop(f"order resend-email {order}", at="2026-03-02T10:00:00Z")

    rows = shop("email list -o json", as_="agent").json

    assert set(rows[0]) >= KEYS
    assert [(row["id"], row["kind"]) for row in rows] == [("eml_2", "welcome"), ("eml_1", "refund")]
    assert (rows[1]["order_id"], rows[1]["transaction_id"]) == (order, refund)
    assert (rows[1]["recipient"], rows[1]["state"]) == ("jane@example.com", "sent")
    assert rows[1]["sent_at"] == "2026-03-02T09:00:00Z"
    assert rows[1]["message_id"] == shop.mails()[0]["Message-ID"]


def test_the_list_is_narrowed_by_state_and_kind_and_cut_at_the_limit(shop: Shop) -> None:
    make_email(shop, kind="refund")
    shop("email send")
    for _ in range(3):
        make_email(shop, kind="void")

    waiting = shop("email list --state waiting -o name")
    refunds = shop("email list --kind refund -o name")
    two = shop("email list --limit 2")

    assert waiting.out.split() == ["eml_4", "eml_3", "eml_2"]
    assert refunds.out.split() == ["eml_1"]
    assert "more than 2" in two.err


def test_an_empty_outbox_is_an_empty_list(shop: Shop) -> None:
    done = shop("email list -o json")

    assert (done.code, done.json) == (0, [])


@pytest.mark.parametrize("words", ["email preview refund", "email show eml_1"])
def test_html_is_the_emails_own_in_a_locale_that_marks_the_direction_of_numbers(shop: Shop, words: str) -> None:
    shop("setting set locale ar_KW")
    make_email(shop)
    whole = shop(f"{words} -o json").json["html"]

    printed = shop(f"{words} --html").out

    assert "\N{RIGHT-TO-LEFT MARK}" in whole
    assert "&#8207;" in printed
    assert "\\u" not in printed
    assert printed.replace("&#8207;", "\N{RIGHT-TO-LEFT MARK}") == whole + "\n"


def test_show_reads_like_a_letter_and_html_can_be_piped_to_a_file(shop: Shop) -> None:
    make_email(shop)

    letter = shop("email show eml_1")
    html = shop("email show eml_1 --html")

    assert letter.out.startswith("From: Our shop <no-reply@localhost>\nTo: jane@example.com\nSubject: Your refund")
    assert html.out.startswith("<!DOCTYPE html>")
    assert shop("email show eml_9").code == 4


def test_a_preview_of_a_record_needs_no_email_to_have_been_written(shop: Shop) -> None:
    order = make_order(shop, external_id="A-77")
    sale = make_sale(shop, amount="19.99", order=order)
    shop(f"txn refund {sale} --amount 5.00 --no-email --yes", env=NOWHERE)

    of_sale = shop(f"email preview refund --txn {sale} -o json")
    of_order = shop(f"email preview refund --order {order} -o json")
    welcome = shop(f"email preview welcome --order {order} -o json")

    assert of_sale.json["subject"] == of_order.json["subject"] == "Your refund of $5.00 for order A-77"
    assert "A-77" in welcome.json["subject"]
    assert shop("email list -o json").json == []


def test_a_preview_of_what_there_is_not_is_refused(shop: Shop) -> None:
    refund = make_transaction(shop, "refund", "declined")
    order = make_order(shop)

    assert shop(f"email preview refund --txn {refund}").code == 5
    assert shop(f"email preview refund --order {order}").code == 5
    assert shop(f"email preview welcome --txn {refund}").code == 2
    assert shop("email preview welcome --order ord_999").code == 4
    assert shop("email preview nothing").code == 2


def test_the_preview_of_a_refund_given_up_shows_its_attempts(shop: Shop) -> None:
    sale = make_sale(shop, token="tok_refund_declined")
    shop(f"txn refund {sale} --yes")

    done = shop(f"email preview refund_exhausted --txn {sale} -o json")

    assert done.code == 0, done.err
    assert "rfq_1" in done.json["text"]
    assert "1. March 2, 2026, 9:00:00\N{NARROW NO-BREAK SPACE}AM UTC, txn_2, declined\n" in done.json["text"]


def test_agents_look_and_do_not_send_and_crons_send(shop: Shop) -> None:
    make_email(shop)

    assert shop("email list", as_="agent").code == 0
    assert shop("email send", as_="agent").code == 6
    assert shop("email list", as_="service").code == 6
    assert shop("email send", as_="service").code == 0
    assert len(shop.mails()) == 1
