"""What is announced to whom, and when (domain rules, sections 2, 4 and 6)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event, select
from sqlalchemy.orm import joinedload

from csctl.app import App
from csctl.bootstrap import start
from csctl.models import Order, Transaction
from csctl.services.emails import announce as emails
from csctl.settings import load
from tests.emails.waiting import states, text
from tests.factories import make_customer, make_notify_email, make_order, make_sale, make_transaction
from tests.shops import Shop


def test_an_approved_void_tells_the_customer_that_nothing_is_charged(shop: Shop) -> None:
    sale = make_sale(shop, amount="20.00", settled=False, customer=make_customer(shop, email="jane@example.com"))

    done = shop(f"txn void {sale} --yes")

    assert done.code == 0, done.err
    (mail,) = shop.mails()
    assert mail["To"] == "jane@example.com"
    assert "$20.00" in mail["Subject"]
    assert "You are not charged" in text(mail)


def test_no_email_means_no_email(shop: Shop) -> None:
    settled, unsettled = make_sale(shop), make_sale(shop, settled=False)

    shop(f"txn refund {settled} --no-email --yes")
    shop(f"txn void {unsettled} --no-email --yes")

    assert states(shop) == []


def test_a_customer_without_an_address_is_refunded_without_an_email(shop: Shop) -> None:
    sale = make_sale(shop, customer=make_customer(shop, email=None))

    done = shop(f"txn refund {sale} --yes -o json")

    assert done.json[0]["outcome"] == "refunded"
    assert states(shop) == []


@pytest.mark.parametrize("token", ["tok_refund_declined", "tok_pending", "tok_timeout_applied"])
def test_a_refund_that_is_not_approved_yet_is_not_announced(shop: Shop, token: str) -> None:
    sale = make_sale(shop, token=token)

    shop(f"txn refund {sale} --yes")

    assert states(shop) == []


def test_a_dry_run_announces_nothing(shop: Shop) -> None:
    sale = make_sale(shop)

    shop(f"txn refund {sale} --dry-run")

    assert states(shop) == []


def test_a_refund_given_up_is_reported_to_each_notify_email_alone_with_every_attempt(shop: Shop) -> None:
    make_notify_email(shop, "finance@example.com")
    make_notify_email(shop, "boss@example.com")
    customer = make_customer(shop, email="jane@example.com")
    sale = make_sale(shop, amount="12.50", token="tok_refund_soft_declined", customer=customer)
    shop(f"txn refund {sale} --yes")

    for day in (3, 4, 5):
        assert shop.mails() == []
        shop("queue retry", as_="service", at=f"2026-03-0{day}T09:00:00Z")

    mails = shop.mails()
    assert sorted(mail["To"] for mail in mails) == ["boss@example.com", "finance@example.com"]
    assert len({mail["Message-ID"] for mail in mails}) == 2
    said = text(mails[0])
    for word in (
        "$12.50",
        "Jane Doe",
        customer,
        "jane@example.com",
        sale,
        "rfq_1",
        "March 2,",
        "March 3,",
        "March 4,",
        "March 5,",
        "ord_1",
    ):
        assert word in said
    assert said.count("soft declined: Refund refused") == 4


@contextmanager
def app_of(shop: Shop) -> Iterator[App]:
    """csctl's inside, for what shows only there."""
    app = start(load({**os.environ, **shop.environment()}), "txn refund")
    yield app
    app.close()


@contextmanager
def statements(app: App) -> Iterator[list[str]]:
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        seen.append(statement)

    event.listen(app.engine, "before_cursor_execute", note)
    yield seen
    event.remove(app.engine, "before_cursor_execute", note)


def test_hundreds_of_announcements_ask_the_database_nothing(shop: Shop) -> None:
    order = make_order(shop)
    for _ in range(100):
        make_transaction(shop, "refund", "approved", order=order)
    loaded = select(Transaction).options(joinedload(Transaction.order).joinedload(Order.customer))

    with app_of(shop) as app:
        with app.write() as session:
            refunds = session.scalars(loaded).all()
            with statements(app) as asked:
                for refund in refunds:
                    emails.announce(session, app, refund)
            with statements(app) as written:
                session.flush()
        app.new_emails.clear()

    assert asked == []
    assert all(statement.startswith("INSERT INTO emails") for statement in written)
    assert states(shop) == ["waiting"] * 100


def test_each_event_has_a_message_id_of_its_own(shop: Shop) -> None:
    order = make_order(shop)
    sale = make_sale(shop, amount="10.00", order=order)

    for _ in range(3):
        shop(f"txn refund {sale} --amount 1.00 --yes")

    assert len({mail["Message-ID"] for mail in shop.mails()}) == 3
