"""Emails sent once more: new ones, in the history, where there is something to announce (domain rules, section 6)."""

from __future__ import annotations

import pytest

from tests.emails.waiting import NOWHERE, states
from tests.factories import make_customer, make_order, make_sale, make_transaction
from tests.shops import Shop


def refunded(shop: Shop, **given: str) -> tuple[str, str]:
    """A sale and its approved refund, which was announced."""
    sale = make_sale(shop, **given)  # type: ignore[arg-type]
    return sale, shop(f"txn refund {sale} --yes -o json").json[0]["transaction_id"]


def test_a_refund_email_goes_out_again_as_a_new_email_in_the_history(shop: Shop) -> None:
    customer = make_customer(shop, email="jane@example.com")
    _, refund = refunded(shop, customer=customer)

    done = shop(f"txn resend-email {refund} -o json", as_="agent")

    assert done.code == 0, done.err
    row = done.json[0]
    assert (row["id"], row["ok"], row["outcome"], row["email_id"]) == (refund, True, "sent", "eml_2")
    first, second = shop.mails()
    assert first["Subject"] == second["Subject"]
    assert first["Message-ID"] != second["Message-ID"]
    history = shop(f"customer history {customer} -o json").json
    assert history[0]["text"] == "refund email sent once more: eml_2"
    assert (history[0]["transaction_id"], history[0]["kind"]) == (refund, "event")
    trail = shop.sql("SELECT outcome, command FROM audit WHERE target = 'eml_2' ORDER BY id")
    assert [(row["outcome"], row["command"]) for row in trail] == [("created", "txn resend-email")]


def test_of_a_sale_it_is_the_email_of_its_newest_refund(shop: Shop) -> None:
    sale = make_sale(shop, amount="10.00")
    shop(f"txn refund {sale} --amount 3.00 --yes")
    shop(f"txn refund {sale} --amount 4.00 --yes", at="2026-03-02T10:00:00Z")

    shop(f"txn resend-email {sale}")

    assert "$4.00" in shop.mails()[-1]["Subject"]


def test_a_void_email_goes_out_again_from_the_transaction_and_from_the_order(shop: Shop) -> None:
    order = make_order(shop)
    sale = make_sale(shop, order=order, settled=False)
    shop(f"txn void {sale} --yes")

    of_transaction = shop(f"txn resend-email {sale} -o json")
    of_order = shop(f"order resend-email {order} --kind void -o json")

    assert (of_transaction.code, of_order.code) == (0, 0)
    assert len({mail["Message-ID"] for mail in shop.mails()}) == 3
    assert len({mail["Subject"] for mail in shop.mails()}) == 1


def test_the_welcome_email_of_an_order_goes_out_again(shop: Shop) -> None:
    order = make_order(shop, make_customer(shop, email="jane@example.com"))

    done = shop(f"order resend-email {order} -o json", as_="agent")

    assert (done.code, done.json[0]["outcome"]) == (0, "sent")
    (mail,) = shop.mails()
    assert mail["To"] == "jane@example.com"
    assert mail["Subject"] == f"Your order {order} with Our shop"


@pytest.mark.parametrize("state", ["declined", "failed", "pending", "unknown"])
def test_what_was_not_approved_is_never_announced(shop: Shop, state: str) -> None:
    sale = make_sale(shop)
    refund = make_transaction(shop, "refund", state, parent=sale)

    by_itself, by_its_sale = (shop(f"txn resend-email {one} -o json") for one in (refund, sale))

    assert (by_itself.code, by_itself.json[0]["outcome"]) == (5, "refused")
    assert state in by_itself.json[0]["message"]
    assert by_its_sale.code == 5
    assert states(shop) == []


def test_where_there_is_nothing_to_announce_it_is_a_conflict(shop: Shop) -> None:
    order = make_order(shop)
    sale = make_sale(shop, order=order)
    declined = make_order(shop, status="declined")

    answers = [
        shop(f"txn resend-email {sale} -o json"),
        shop(f"order resend-email {order} --kind refund -o json"),
        shop(f"order resend-email {order} --kind void -o json"),
        shop(f"order resend-email {declined} -o json"),
    ]

    assert [done.code for done in answers] == [5, 5, 5, 5]
    assert [done.json[0]["message"].rpartition(", so there is ")[2] for done in answers] == [
        *["nothing to announce"] * 3,
        "no welcome email",
    ]
    assert states(shop) == []


def test_a_customer_without_an_address_is_a_conflict(shop: Shop) -> None:
    order = make_order(shop, make_customer(shop, email=None))

    done = shop(f"order resend-email {order}")

    assert done.code == 5
    assert "has no email address" in done.err


def test_an_unknown_record_is_not_found_and_a_wrong_prefix_is_a_usage_error(shop: Shop) -> None:
    assert shop("txn resend-email txn_99").code == 4
    assert shop("order resend-email ord_99").code == 4
    assert shop("txn resend-email ord_1").code == 2


def test_a_dry_run_writes_nothing(shop: Shop) -> None:
    order = make_order(shop)

    done = shop(f"order resend-email {order} --dry-run -o json")

    assert (done.code, done.json[0]["dry_run"], done.json[0]["email_id"]) == (0, True, None)
    assert states(shop) == []
    assert shop.sql("SELECT id FROM history") == []


def test_without_a_mail_server_it_waits_and_the_row_says_so(shop: Shop) -> None:
    order = make_order(shop)

    done = shop(f"order resend-email {order} -o json", env=NOWHERE)

    assert (done.code, done.json[0]["outcome"], done.json[0]["ok"]) == (0, "pending", True)
    assert states(shop) == ["waiting"]


def test_of_several_each_has_its_own_row_and_more_than_one_needs_yes(shop: Shop) -> None:
    orders = [make_order(shop), make_order(shop, status="declined"), make_order(shop)]

    asked = shop("order", "resend-email", *orders)
    done = shop("order", "resend-email", *orders, "--yes", "-o", "json")

    assert asked.code == 2
    assert done.code == 3
    assert [row["outcome"] for row in done.json] == ["sent", "refused", "sent"]
    assert len(shop.mails()) == 2


def test_crons_resend_nothing(shop: Shop) -> None:
    assert shop("order resend-email ord_1", as_="service").code == 6
