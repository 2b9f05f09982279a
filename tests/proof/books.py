"""What must hold once all is at rest: the books agree with the gateway's ledger, and nothing is left open."""

from __future__ import annotations

from collections import Counter

from tests.shops import Shop


def returned(shop: Shop) -> Counter[str]:
    """How often the gateway gave money back, by the reference of the sale."""
    rows = shop.ledger()
    return Counter(row["parent_ref"] for row in rows if row["kind"] != "sale" and row["result"] == "approved")


def announced(shop: Shop) -> set[str]:
    """The Message-IDs of what was delivered: one for each event, a repeat carries the same one."""
    return {str(mail["Message-ID"]) for mail in shop.mails()}


def disagreements(shop: Shop) -> list[str]:
    """All that differs between the books and the ledger, or is left open. Empty where nothing was lost or doubled."""
    against = shop("txn reconcile --against main --since 2026-01-01 -o json")
    found = [f"{row['difference']} {row['id']}" for row in against.json]
    check = shop("db check -o json")
    found += [] if check.code == 0 else [check.out]
    states = "SELECT id, kind, state FROM transactions WHERE state NOT IN ('approved', 'declined', 'failed')"
    found += [f"open {row}" for row in shop.sql(states)]
    found += [f"queued {row}" for row in shop.sql("SELECT id, state FROM refund_queue WHERE state = 'queued'")]
    found += [f"mail {row}" for row in shop.sql("SELECT id, state FROM emails WHERE state <> 'sent'")]
    twice = "SELECT parent_id FROM transactions WHERE kind IN ('refund', 'void') AND state = 'approved'"
    found += [f"returned twice {row}" for row in shop.sql(f"{twice} GROUP BY parent_id HAVING count(*) > 1")]
    return found
