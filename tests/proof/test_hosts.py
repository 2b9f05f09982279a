"""Two hosts start all of cron at the same moment: each piece of work is done once."""

from __future__ import annotations

from collections import Counter

from tests.billing.catalog import subscribe
from tests.factories import make_sale
from tests.proof import books
from tests.refunds.scenes import finished
from tests.shops import Shop

_CRON = ("txn reconcile", "queue retry", "billing run", "txn sync", "email send")


def test_cron_on_two_hosts_at_once_does_each_piece_of_work_once(shop: Shop) -> None:
    tokens = ("tok_refund_declined_1", "tok_refund_declined_1", "tok_timeout_applied", "tok_timeout_lost")
    sales = [make_sale(shop, token=token) for token in tokens]
    for _ in range(2):
        subscribe(shop, interval="year", at="2025-03-02T09:00:00Z")
    shop.adopt()
    shop(f"txn refund {' '.join(sales)} --amount 5 --yes", env={"CSCTL_MAIL_URL": "smtp://127.0.0.1:9"})
    shop.now = "2026-03-03T09:00:00Z"

    hosts = [shop.start(words, as_="service") for words in _CRON * 2]
    codes = {finished(process)[0] for process in hosts}
    for words in _CRON:
        shop(words, as_="service", at="2026-03-04T09:00:00Z")

    assert codes <= {0, 9}  # what another has in hand is unknown to it
    assert len([row for row in shop.ledger() if row["kind"] == "sale" and row["at"] > "2026-03-02T12"]) == 2
    assert books.returned(shop) == Counter({row["gateway_ref"]: 1 for row in references(shop)})
    assert len(books.announced(shop)) == len(shop.mails()), "no email twice"
    assert books.disagreements(shop) == []


def references(shop: Shop) -> list[dict[str, str]]:
    return shop.sql("SELECT gateway_ref FROM transactions WHERE id <= 4")
