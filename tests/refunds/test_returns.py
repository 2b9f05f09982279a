"""Refunds that a bank sends back, and gateways that are away: what counts, and who is informed (sections 3 and 4)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from csctl.domain.reasons import REFUND, Reason, Refused
from tests.factories import make_notify_email, make_sale
from tests.selection import on_sqlite
from tests.shops import Shop


def day(number: int) -> str:
    """09:00 on the so manieth day, counted from Monday, 2 March."""
    return f"2026-03-{2 + number:02}T09:00:00Z"


def cron(shop: Shop, number: int) -> None:
    """What the crontab runs every day."""
    shop("txn sync", at=day(number), as_="service")
    shop("queue retry", at=day(number), as_="service")


def items(shop: Shop) -> list[dict[str, object]]:
    return [
        {name: row[name] for name in ("state", "attempts")} for row in shop("queue list --state any -o json --all").json
    ]


def test_a_card_that_returns_every_refund_ends_after_three_attempts(shop: Shop) -> None:
    make_notify_email(shop)
    sale = make_sale(shop, token="tok_refund_returned")
    shop(f"txn refund {sale} --yes")

    for number in range(1, 21):
        cron(shop, number)

    assert items(shop) == [{"state": "exhausted", "attempts": 3}]
    sent = [row for row in shop.ledger() if row["kind"] == "refund"]
    assert len(sent) == 3
    kinds = [row["kind"] for row in shop("email list --all -o json").json]
    assert kinds.count("refund_exhausted") == 1
    assert kinds.count("refund") == 1
    assert shop(f"txn show {sale} -o json").json["refundable"] == "19.99"


def test_a_refund_returned_after_it_settled_is_found_by_the_daily_sync(shop: Shop) -> None:
    sale = make_sale(shop, token="tok_refund_returned_late")
    shop(f"txn refund {sale} --yes")

    for number in range(1, 7):
        shop("txn sync", at=day(number), as_="service")

    assert items(shop) == [{"state": "queued", "attempts": 1}]
    assert shop("txn list --kind refund -o json").json[0]["reason"] == "returned"


def test_a_refund_is_watched_for_thirty_days_and_then_no_longer_asked_about(shop: Shop) -> None:
    sale = make_sale(shop)
    shop(f"txn refund {sale} --yes")

    asked = [shop("txn sync -o json", at=moment) for moment in ("2026-03-20T09:00:00Z", "2026-04-05T09:00:00Z")]
    again = shop("txn sync -o json", at="2026-04-06T09:00:00Z")

    assert [done.code for done in asked] == [0, 0]
    assert again.json == []
    assert shop.sql("SELECT looked_at FROM transactions WHERE kind = 'refund' AND looked_at > '2026-04-05'")


def test_a_closed_card_goes_to_a_person_at_once(shop: Shop) -> None:
    make_notify_email(shop)
    sale = make_sale(shop, token="tok_refund_returned_card_closed")
    shop(f"txn refund {sale} --yes")

    shop("txn sync", at=day(1), as_="service")

    assert items(shop) == [{"state": "exhausted", "attempts": 1}]
    assert "refund_exhausted" in [row["kind"] for row in shop("email list --all -o json").json]


def test_five_days_of_an_unreachable_gateway_consume_nothing(shop: Shop) -> None:
    sale = make_sale(shop, token="tok_unreachable")
    shop(f"txn refund {sale} --yes")

    for number in range(1, 6):
        cron(shop, number)
    waiting = items(shop)
    shop.sql("UPDATE payment_methods SET token = 'tok_ok'")
    shop.adopt()
    cron(shop, 6)

    assert waiting == [{"state": "queued", "attempts": 0}]
    assert items(shop) == [{"state": "succeeded", "attempts": 1}]
    assert [row["amount"] for row in shop.ledger() if row["kind"] == "refund"] == ["19.99"]


def test_a_run_leaves_an_account_alone_after_five_sales_in_a_row(shop: Shop) -> None:
    sales = [make_sale(shop, token="tok_busy", adopt=False) for _ in range(7)]
    shop.adopt()

    done = shop(f"txn refund {' '.join(sales)} --yes -o json")

    assert [row["outcome"] for row in done.json] == ["queued"] * 5 + ["refused"] * 2
    assert [row["error"]["exit"] for row in done.json[5:]] == [8, 8]


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        ("tok_refund_declined", Reason.DECLINED),
        ("tok_refund_balance", Reason.BALANCE),
        ("tok_busy", Reason.BUSY),
        ("tok_unreachable", Reason.UNREACHABLE),
        ("tok_disputed", Reason.DISPUTED),
        ("tok_refund_too_old", Reason.TOO_OLD),
        ("tok_refund_not_refundable", Reason.NOT_REFUNDABLE),
    ],
)
def test_what_follows_from_a_reason_is_the_table(shop: Shop, token: str, reason: Reason) -> None:
    sale = make_sale(shop, token=token)

    shop(f"txn refund {sale} --yes")

    then = REFUND[reason]
    assert items(shop) == [{"state": "exhausted" if then is Refused.PERSON else "queued", "attempts": 0}]
    (refund,) = shop("txn list --kind refund -o json").json
    assert refund["reason"] == reason.value
    if then is Refused.PERSON:
        return
    shop.sql("UPDATE transactions SET disputed_at = NULL")
    shop("queue retry", at=day(1))
    counts = 1 if then is Refused.COUNT else 0
    assert items(shop) == [{"state": "queued", "attempts": counts}]


@on_sqlite
def test_the_documented_crontab_finds_a_return_after_it_has_settled_in_a_zone_west_of_utc(shop: Shop) -> None:
    shop("setting set timezone America/Los_Angeles")
    page = (Path(__file__).parents[2] / "docs" / "operations.md").read_text()
    (minute, step), *_ = re.findall(r"^(\d+) +\*/(\d+) .* txn sync ", page, re.MULTILINE)
    sale = make_sale(shop, token="tok_refund_returned")
    refund = shop(f"txn refund {sale} --yes -o json", at="2026-03-02T20:00:00Z").json[0]["transaction_id"]
    seen = []

    for hour in range(0, 12, int(step)):
        shop("txn sync", at=f"2026-03-03T{hour:02}:{minute}:00Z", as_="service")
        row = shop(f"txn show {refund} -o json").json
        seen.append((row["state"], row["settlement"]))

    assert seen[0] == ("approved", "settled")  # the gateway's midnight has passed, and the shop's has not
    assert seen[-1][0] == "failed"
    assert shop("queue list -o json").json[0]["attempts"] == 1
