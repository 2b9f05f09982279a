"""What the tests of refunds have in common: orders that were billed several times, gateways that take their time."""

from __future__ import annotations

from tests.factories import make_order, make_purchase, make_sale
from tests.running import Done, Process
from tests.shops import Shop

SENT = "SELECT 1 FROM transactions WHERE state = 'sent'"
APPROVED = "SELECT 1 FROM transactions WHERE kind = 'refund' AND state = 'approved'"


def gateway(shop: Shop, options: str) -> dict[str, str]:
    """The environment in which the shop's gateway has these options."""
    return {"CSCTL_GATEWAY_MAIN": f"sandbox:{shop.sandbox}?{options}"}


def paid(shop: Shop) -> list[tuple[str, str]]:
    """What the gateway has returned."""
    rows = [row for row in shop.ledger() if row["kind"] != "sale" and row["result"] == "approved"]
    return [(row["kind"], row["amount"]) for row in rows]


def refused(done: Done) -> str:
    """What a single record was refused for."""
    row = done.json[0]
    assert row["outcome"] == "refused", row
    assert row["ok"] is False
    return str(row["message"])


def rebilled(shop: Shop, times: int = 2) -> tuple[str, list[str]]:
    """An order with a subscription that was billed so many times, and its settled sales, oldest first."""
    order = make_order(shop)
    purchase = make_purchase(shop, order, status="active", interval="month", next_bill_on="2026-04-01")
    sales = [
        make_sale(shop, order=order, purchase=purchase, cycle=cycle, created_at=f"2026-0{cycle}-01T00:00:00Z")
        for cycle in range(1, times + 1)
    ]
    return order, sales


def sending(shop: Shop, words: str, milliseconds: int = 1500, at: str | None = None, options: str = "") -> Process:
    """A csctl that waits for the answer of a slow gateway, just now."""
    process = shop.start(words, at=at, env=gateway(shop, f"latency_ms={milliseconds}{options}"))
    shop.wait_for(SENT)
    return process


def finished(process: Process) -> tuple[int, str, str]:
    """The exit code, stdout and stderr of a process, once it has ended."""
    out, err = process.communicate(timeout=60)
    return process.wait(), out, err
