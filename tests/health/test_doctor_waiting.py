"""doctor: what waits in the books, and what does not add up."""

from __future__ import annotations

import pytest

from csctl import search_index
from tests.factories import make_customer, make_sale, make_transaction, number
from tests.health.problems import Csctl, problems
from tests.postgres import Server
from tests.selection import on_postgresql, on_sqlite
from tests.shops import Shop


def test_unknown_outcomes_are_a_finding_that_names_them(healthy: Shop) -> None:
    sale = make_sale(healthy, adopt=False)
    refund = make_transaction(healthy, "refund", "unknown", "5.00", parent=sale)
    healthy.sql("UPDATE transactions SET reserved = 500 WHERE id = :id", id=number(sale))
    found = problems(healthy("doctor -o json"))

    assert found.keys() == {"transactions"}
    assert found["transactions"]["problem"] == f"1 transaction without a known outcome: {refund}"
    assert found["transactions"]["fix"] == "csctl txn reconcile"


def test_what_a_dead_worker_left_is_a_finding_once_its_lease_is_over(healthy: Shop) -> None:
    sale = make_sale(healthy, adopt=False)
    make_transaction(healthy, "refund", "sent", "5.00", parent=sale, lease_until="2026-03-02T09:05:00Z")
    healthy.sql("UPDATE transactions SET reserved = 500 WHERE id = :id", id=number(sale))
    during = healthy("doctor", at="2026-03-02T09:04:00Z")
    after = healthy("doctor -o json", at="2026-03-02T09:06:00Z")

    assert during.code == 0
    assert "process that ended" in problems(after)["transactions"]["problem"]


def queued(shop: Shop) -> None:
    """An item that is due on 3 March."""
    sale = make_sale(shop, adopt=False)
    refund = make_transaction(shop, "refund", "declined", "5.00", parent=sale)
    shop.sql(
        """INSERT INTO refund_queue (sale_id, origin_id, order_id, customer_id, amount, currency, state, attempts,
               next_attempt_on, send_email, created_at)
           SELECT id, :refund, order_id, 1, 500, 'USD', 'queued', 0, '2026-03-03', true, '2026-03-02 09:00:00'
           FROM transactions WHERE id = :sale""",
        sale=number(sale),
        refund=number(refund),
    )
    shop.sql("UPDATE transactions SET reserved = 500 WHERE id = :id", id=number(sale))


def test_a_refund_that_was_due_before_today_means_that_cron_does_not_run(healthy: Shop) -> None:
    queued(healthy)
    on_its_day = healthy("doctor", at="2026-03-03T23:59:00Z")
    on_the_next = healthy("doctor -o json", at="2026-03-04T00:00:00Z")

    assert on_its_day.code == 0, on_its_day.out
    assert problems(on_the_next)["queue"]["fix"] == "csctl queue retry"


def test_an_email_that_waits_for_over_an_hour_is_a_finding(healthy: Shop) -> None:
    healthy.sql(
        """INSERT INTO emails (kind, recipient, message_id, context, state, attempts, created_at)
           VALUES ('welcome', 'jane@example.com', '<1@example.com>', '{}', 'waiting', 0, '2026-03-02 08:00:00')"""
    )
    soon = healthy("doctor", at="2026-03-02T08:59:00Z")
    late = healthy("doctor -o json", at="2026-03-02T09:01:00Z")

    assert soon.code == 0
    assert problems(late)["emails"]["fix"] == "csctl email send"


def test_an_email_that_failed_is_a_finding_for_a_week(healthy: Shop) -> None:
    healthy.sql(
        """INSERT INTO emails (kind, recipient, message_id, context, state, attempts, created_at)
           VALUES ('welcome', 'jane@example.com', '<1@example.com>', '{}', 'failed', 1, '2026-03-02 08:00:00')"""
    )
    found = problems(healthy("doctor -o json"))
    later = healthy("doctor", at="2026-03-09T09:00:00Z")

    assert found["emails"] == {
        "check": "emails",
        "status": "problem",
        "problem": "1 email of the last 7 days failed",
        "fix": "csctl email list --state failed",
    }
    assert later.code == 0, later.out


def test_sums_that_do_not_add_up_are_a_finding(healthy: Shop) -> None:
    sale = make_sale(healthy, adopt=False)
    healthy.sql("UPDATE transactions SET refunded = 100 WHERE id = :id", id=number(sale))
    found = problems(healthy("doctor -o json"))
    checked = healthy("db check -o json")

    assert sale in found["sums"]["problem"]
    assert checked.code == 5
    assert checked.json[0]["target"] == sale


@pytest.mark.postgres
def test_a_wrong_password_is_a_finding(csctl: Csctl, postgres: Server) -> None:
    url = postgres.url("postgres", user="picky:hunter2")
    done = csctl("doctor -o json", env={"CSCTL_DATABASE_URL": url, "CSCTL_TOKEN": "csctl_x"})

    assert "credentials" in problems(done)["database"]["problem"]
    assert "hunter2" not in done.out + done.err


@on_sqlite
def test_a_missing_index_of_search_is_found_and_db_upgrade_builds_it(healthy: Shop) -> None:
    make_customer(healthy, last_name="Roe")
    with healthy.session() as session:
        search_index.drop(session.connection())
    missing = healthy("doctor -o json")
    assert healthy("db upgrade").code == 0

    assert problems(missing)["search"]["fix"] == "csctl db upgrade"
    assert healthy("doctor -o json").code == 0
    assert len(healthy.sql("SELECT rowid FROM customer_search WHERE customer_search MATCH 'roe'")) == 1


@on_postgresql
def test_a_large_shop_needs_trigrams(healthy: Shop) -> None:
    last = make_customer(healthy)
    assert healthy("doctor -o json").code == 0
    healthy.sql("UPDATE customers SET id = 50001 WHERE id = :id", id=number(last))

    assert "pg_trgm" in problems(healthy("doctor -o json"))["search"]["fix"]
