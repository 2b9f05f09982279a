"""What must hold of a simulated shop: after each step, and once it is at rest."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import timedelta
from functools import partial

from csctl.app import App
from csctl.domain.ids import Ref
from csctl.results import Row
from csctl.services.billing import daily
from csctl.services.emails.delivery import Delivery
from csctl.services.health import consistency
from csctl.services.payments import against, reconcile, settlement, sync
from csctl.services.refunds import retries
from tests.proof.inside import Inside, Work


def deliver(app: App) -> tuple[()]:
    """Send what waits in the outbox."""
    Delivery(app).deliver_waiting()
    return ()


_AT_ONCE = 8  # calls, as from the command line
CRON: dict[str, Work] = {
    "txn reconcile": reconcile.reconcile,
    "txn sync": lambda app: sync.everything(app, concurrency=_AT_ONCE),
    "queue retry": lambda app: retries.retry_due(app, reconcile.Orphans(), concurrency=_AT_ONCE),
    "billing run": lambda app: daily.run(app, reconcile.Orphans(), concurrency=_AT_ONCE),
    "email send": deliver,
}
_DAYS = 12  # until all is at rest

_RESERVED = """
    SELECT 'reserved' AS what, sale.id AS id FROM transactions sale WHERE sale.kind = 'sale' AND sale.reserved <>
      (SELECT coalesce(sum(amount), 0) FROM transactions WHERE parent_id = sale.id AND queue_item_id IS NULL
         AND kind IN ('refund', 'void') AND state NOT IN ('approved', 'declined', 'failed'))
    + (SELECT coalesce(sum(amount), 0) FROM refund_queue WHERE sale_id = sale.id AND state IN ('queued', 'in_progress'))
"""
_TOO_OFTEN = "SELECT 'tried too often', id FROM refund_queue WHERE attempts > 3"
_TWICE_A_DAY = """
    SELECT 'twice a day', queue_item_id FROM transactions WHERE attempt_on IS NOT NULL
    GROUP BY queue_item_id, attempt_on HAVING count(*) > 1
"""
_ANNOUNCED = """
    SELECT 'announced', t.id FROM transactions t LEFT JOIN emails e ON e.transaction_id = t.id AND e.kind = t.kind
    WHERE t.kind IN ('refund', 'void') AND t.outside IS NULL AND t.state = 'approved'
    GROUP BY t.id, t.send_email HAVING count(e.id) <> t.send_email
"""
_UNTOLD = """
    SELECT 'no history', t.id FROM transactions t WHERE t.kind IN ('refund', 'void') AND t.state = 'approved'
    AND NOT EXISTS (SELECT 1 FROM history WHERE transaction_id = t.id)
"""
_ALWAYS = " UNION ALL ".join([_RESERVED, _TOO_OFTEN, _TWICE_A_DAY, _ANNOUNCED, _UNTOLD])
_OPEN = """
    SELECT 'open' AS what, id FROM transactions WHERE state NOT IN ('approved', 'declined', 'failed')
    UNION ALL SELECT 'queued', id FROM refund_queue WHERE state IN ('queued', 'in_progress')
    UNION ALL SELECT 'email', id FROM emails WHERE state <> 'sent'
"""
_PAID = """
    SELECT parent_ref, sum(amount) FROM operations
    WHERE kind IN ('refund', 'void') AND result IN ('approved', 'pending') AND key IS NOT NULL GROUP BY parent_ref
"""
_CHEQUES = """
    SELECT sale.gateway_ref, sum(gone.amount) AS amount FROM transactions sale JOIN (
      SELECT parent_id AS id, amount FROM transactions WHERE outside IN ('payment', 'chargeback') AND state = 'approved'
      UNION ALL SELECT sale_id, amount FROM refund_queue WHERE state = 'resolved' AND reference IS NOT NULL
    ) gone ON gone.id = sale.id GROUP BY sale.gateway_ref
"""
_RETURNED = """
    SELECT ref, parent_ref, amount FROM operations WHERE kind = 'refund' AND result IN ('approved', 'pending')
"""


def broken(shop: Inside) -> list[dict[str, object]]:
    """The rows for which a rule does not hold that holds at any time."""
    return shop.sql(_ALWAYS)


def paid(shop: Inside) -> dict[str, int]:
    """What the gateway has returned because csctl asked, in minor units, by the reference of the sale."""
    return {row[0]: row[1] for row in shop.books(_PAID)}


def bring_to_rest(shop: Inside) -> None:
    """The gateway is back, disputes are over, and cron runs until nothing is open."""
    shop.sql("UPDATE payment_methods SET token = 'tok_ok' WHERE token IN ('tok_unreachable', 'tok_busy')")
    shop.books("UPDATE operations SET token = 'tok_ok' WHERE token IN ('tok_unreachable', 'tok_busy')")
    shop.sql("UPDATE transactions SET disputed_at = NULL")
    for _ in range(_DAYS):
        shop.at += timedelta(days=1)
        for name in ("txn reconcile", "txn sync", "queue retry", "email send"):
            shop.work(CRON[name])
        _decide(shop)
        if not shop.sql(_OPEN):
            break
    sales = shop.sql("SELECT id FROM transactions WHERE kind = 'sale' AND state = 'approved'")
    refs = [Ref(f"txn_{row['id']}", row["id"]) for row in sales]
    # The sandbox tells of settled sales only where it is asked.
    shop.work(lambda app: settlement.sync(app, refs, concurrency=_AT_ONCE))
    shop.work(CRON["email send"])


def _decide(shop: Inside) -> None:
    """Say of each attempt that a mute gateway leaves unknown what its own page shows."""
    unknown = shop.sql("SELECT id, key FROM transactions WHERE state = 'unknown'")
    done = {row["key"]: row["ref"] for row in shop.books("SELECT key, ref FROM operations WHERE result = 'approved'")}
    for row in unknown:
        reference, ref = done.get(row["key"]), Ref(f"txn_{row['id']}", row["id"])
        verdict = reconcile.verdict(shop.app, [ref], "approved" if reference else "failed", reference, None)
        shop.work(partial(reconcile.reconcile, refs=[ref], verdict=verdict))


def disagreements(shop: Inside) -> list[object]:
    """All that differs between the books and the ledger at rest, or is left open."""
    found: list[object] = list(shop.sql(_OPEN))
    found += consistency.findings(shop.app)
    return [*found, *_against(shop)]


def _against(shop: Inside) -> list[Row]:
    rows: list[Row] = []

    def compare(app: App) -> tuple[()]:
        period = against.period(app, "2026-01-01", None)
        rows.extend(against.differences(app, against.account(app, "main", period), period))
        return ()

    shop.work(compare)
    twice = _returned_twice_by_people(shop)
    return [row for row in rows if row["gateway_ref"] not in twice]


def _returned_twice_by_people(shop: Inside) -> set[str]:
    """References at the gateway of what csctl cannot undo: a cheque was sent, and on the page of the gateway the money
    was returned. csctl warns, and a person decides.
    """
    gone: Counter[str] = Counter({row["gateway_ref"]: row["amount"] for row in shop.sql(_CHEQUES)})
    children: defaultdict[str, set[str]] = defaultdict(set)
    for ref, parent, amount in shop.books(_RETURNED):
        gone[parent] += amount
        children[parent].add(ref)
    amounts = {row["gateway_ref"]: row["amount"] for row in shop.sql("SELECT * FROM transactions WHERE kind = 'sale'")}
    beyond = {ref for ref, total in gone.items() if total > amounts[ref]}
    return beyond.union(*(children[ref] for ref in beyond))
