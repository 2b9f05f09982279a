"""csctl is killed at every point of its work, and run again: nothing is paid twice, nothing is forgotten."""

from __future__ import annotations

import pytest

from tests.factories import make_notify_email, make_sale
from tests.payments import dying
from tests.shops import Shop

pytestmark = pytest.mark.both_databases

# What differs between the databases is tried on both; what the gateway can do, on one.
WHERE = [
    ("sqlite", "idempotency=on"),
    ("sqlite", "idempotency=off"),
    ("sqlite", "lookup=off"),
    ("postgresql", "idempotency=off"),
]
everywhere = pytest.mark.parametrize(("backend", "gateway"), WHERE, indirect=["backend"])


def killed_at(shop: Shop, point: int, words: str, at: str) -> bool:
    """Whether a run was killed at that point; False if it ended before."""
    process = shop.start(words, at=at, before=dying.at(point))
    _, said = process.communicate(timeout=60)
    assert process.returncode in (-9, 0, 12), said
    return process.returncode == -9


def paid(shop: Shop) -> list[str]:
    rows = shop.ledger()
    return sorted(row["amount"] for row in rows if row["kind"] == "refund" and row["result"] == "approved")


def message_ids(shop: Shop) -> set[str]:
    return {mail["Message-ID"] for mail in shop.mails()}


@everywhere
def test_a_partial_refund_killed_anywhere_and_asked_for_again_is_paid_once(
    shop: Shop, backend: str, gateway: str, full: bool
) -> None:
    """A part: a gateway would not object to paying it twice."""
    shop.env["CSCTL_GATEWAY_MAIN"] += f"?{gateway}"
    words = "txn refund {} --amount 5 --request-id R{} --yes"
    killed = 0
    for point in dying.points(full, WHERE, (backend, gateway)):
        sale = make_sale(shop)
        died = killed_at(shop, point, words.format(sale, point), at="2026-03-02T09:00:00Z")
        killed += died
        shop("txn reconcile", at="2026-03-02T09:06:00Z")
        shop(words.format(sale, point), at="2026-03-02T09:07:00Z")
        if not died:
            break
    for day in (3, 4):
        assert shop("queue retry", at=f"2026-03-0{day}T09:00:00Z").code == 0

    assert killed >= (5 if full else 1)
    assert paid(shop) == ["5.00"] * (killed + 1)
    assert len(message_ids(shop)) == killed + 1
    assert shop("db check").code == 0


@everywhere
def test_the_cron_killed_anywhere_and_run_again_retries_each_refund_once_a_day(
    shop: Shop, backend: str, gateway: str, full: bool
) -> None:
    make_notify_email(shop)
    shop.env["CSCTL_GATEWAY_MAIN"] += f"?{gateway}"
    day, rounds = 2, 0
    for point in dying.points(full, WHERE, (backend, gateway)):
        rounds += 1
        shop.now = f"2026-03-{day:02}T09:00:00Z"
        sales = [make_sale(shop, token="tok_refund_declined_1", adopt=False) for _ in range(2)]
        shop.adopt()
        shop(f"txn refund {' '.join(sales)} --amount 5 --yes")
        day += 1
        died = killed_at(shop, point, "queue retry --concurrency 2", at=f"2026-03-{day:02}T09:00:00Z")
        shop("queue retry", at=f"2026-03-{day:02}T09:06:00Z")
        once_a_day = shop.sql(
            "SELECT queue_item_id FROM transactions WHERE attempt_on IS NOT NULL"
            " GROUP BY queue_item_id, attempt_on HAVING count(*) > 1"
        )
        assert once_a_day == []
        if not died:
            break
    shop("queue retry", at=f"2026-03-{day + 1:02}T09:00:00Z")
    states = {row["state"] for row in shop("queue list --state any --all -o json").json}

    assert rounds >= (5 if full else 2)
    assert states == {"succeeded"}
    assert paid(shop) == ["5.00"] * 2 * rounds
    assert len(message_ids(shop)) == 2 * rounds
    assert shop("db check").code == 0


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_an_order_refund_killed_between_void_and_refund_returns_the_money_once(shop: Shop, full: bool) -> None:
    """Our books say unsettled, the gateway has settled: a void is refused, and a refund follows."""
    killed = 0
    for point in dying.points(full):
        shop.now = "2026-03-02T09:00:00Z"
        sale = make_sale(shop, settled=False)
        order = shop(f"txn show {sale} -o json").json["order_id"]
        died = killed_at(shop, point, f"order refund {order} --yes", at="2026-03-03T09:00:00Z")
        killed += died
        shop("txn reconcile", at="2026-03-03T09:06:00Z")
        shop(f"order refund {order} --yes", at="2026-03-03T09:07:00Z")
        if not died:
            break
    for day in (4, 5):
        shop("queue retry", at=f"2026-03-0{day}T09:00:00Z")

    assert killed >= 8
    assert paid(shop) == ["19.99"] * (killed + 1)
    assert shop("db check").code == 0
