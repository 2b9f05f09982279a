"""Emails that a shop may switch on: each off until a setting says so."""

from __future__ import annotations

import pytest

from tests.billing.catalog import subscribe
from tests.emails.waiting import html, text
from tests.factories import make_sale
from tests.shops import Shop

KINDS = ("refund-returned", "billing-declined", "billing-given-up", "purchase-cancelled")


def kinds(shop: Shop) -> list[str]:
    """The emails that were written, but for those that every shop sends."""
    rows = reversed(shop("email list --all -o json").json)
    return [row["kind"] for row in rows if row["kind"] not in ("welcome", "refund")]


def everything_happens(shop: Shop) -> None:
    """A refund is returned, billings are declined softly and for good, a subscription is cancelled."""
    returned = make_sale(shop, token="tok_refund_returned")
    shop(f"txn refund {returned} --yes")
    softly, for_good, cancelled = subscribe(shop), subscribe(shop), subscribe(shop)
    for purchase, token in ((softly, "tok_soft_declined"), (for_good, "tok_declined")):
        customer = shop(f"purchase show {purchase} -o json").json["customer_id"]
        shop.sql("UPDATE payment_methods SET token = :token WHERE customer_id = :id", token=token, id=int(customer[4:]))
    shop(f"purchase cancel {cancelled} --yes")
    shop("txn sync", at="2026-03-03T09:00:00Z")
    shop("billing run", at="2026-04-02T09:00:00Z")


def test_none_is_sent_until_it_is_switched_on(shop: Shop) -> None:
    everything_happens(shop)

    assert kinds(shop) == []


@pytest.mark.both_databases
def test_each_is_sent_once_it_is_switched_on(shop: Shop) -> None:
    for kind in KINDS:
        assert shop(f"setting set email-{kind} on").code == 0

    everything_happens(shop)

    assert sorted(kinds(shop)) == ["billing_declined", "billing_given_up", "purchase_cancelled", "refund_returned"]
    bodies = {mail["Subject"]: text(mail) + html(mail) for mail in shop.mails()}
    declined = next(body for subject, body in bodies.items() if "was declined" in subject)
    assert "5, 2026" in declined
    returned = next(body for subject, body in bodies.items() if "came back" in subject)
    assert "try again within the next days" in returned


def test_it_can_be_switched_off_again(shop: Shop) -> None:
    shop("setting set email-purchase-cancelled on")
    shop("setting set email-purchase-cancelled off")

    everything_happens(shop)

    assert kinds(shop) == []
    assert shop("setting set email-purchase-cancelled maybe").code == 2


def test_a_refund_without_an_email_is_not_announced_when_it_comes_back(shop: Shop) -> None:
    shop("setting set email-refund-returned on")
    returned = make_sale(shop, token="tok_refund_returned")
    shop(f"txn refund {returned} --no-email --yes")

    shop("txn sync", at="2026-03-03T09:00:00Z")

    assert kinds(shop) == []
