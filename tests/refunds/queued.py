"""Refunds in the queue, and the days on which they are retried."""

from __future__ import annotations

from typing import Any

from tests.factories import make_sale
from tests.shops import Shop

DAYS = [f"2026-03-0{day}" for day in range(2, 9)]  # from Monday, the shop's `now`


def on(day: int, time: str = "09:00:00") -> str:
    """The time so many days after Monday."""
    return f"{DAYS[day]}T{time}Z"


def failed_refund(shop: Shop, token: str = "tok_refund_declined", amount: str = "19.99") -> str:
    """A sale whose refund was declined on Monday."""
    sale = make_sale(shop, amount=amount, token=token)
    done = shop(f"txn refund {sale} --yes -o json")
    assert (done.code, done.json[0]["outcome"]) == (12, "queued"), done
    return sale


def item(shop: Shop) -> dict[str, Any]:
    """The one item there is."""
    rows = shop("queue list --state any -o json").json
    assert len(rows) == 1
    row: dict[str, Any] = rows[0]
    return row


def attempts_at_the_gateway(shop: Shop) -> list[tuple[str, str]]:
    return [(row["at"][:10], row["result"]) for row in shop.ledger() if row["kind"] == "refund"]
