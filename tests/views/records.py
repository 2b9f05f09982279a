"""Records that only tests of looking need. Like those of tests/factories.py."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from csctl.domain.blacklist import entry_key
from csctl.domain.states import HistoryKind, ItemState
from csctl.models import BlacklistEntry, HistoryEntry, QueueItem, Transaction
from tests.factories import make_sale, make_transaction, number
from tests.shops import Shop


def make_entry(shop: Shop, kind: str, value: str, reason: str = "chargebacks") -> None:
    """A blacklist entry."""
    with shop.session() as session:
        session.add(
            BlacklistEntry(
                kind=kind, value=value, match_key=entry_key(kind, value), reason=reason, created_at=shop.moment
            )
        )


def make_event(
    shop: Shop, customer: str, text: str, kind: HistoryKind = HistoryKind.EVENT, reason: str | None = None
) -> None:
    """An entry in the history of a customer."""
    with shop.session() as session:
        session.add(HistoryEntry(customer_id=number(customer), at=shop.moment, kind=kind, text=text, reason=reason))


def make_queue_item(
    shop: Shop, state: str = "queued", amount: str = "19.99", currency: str = "USD", **given: Any
) -> str:
    """An item that joined the queue yesterday, because the gateway declined the refund."""
    sale = make_sale(shop, amount, currency, adopt=False)
    with shop.session() as session:
        order = session.get_one(Transaction, number(sale)).order
        order_id, customer_id = order.id, order.customer_id
    refund = make_transaction(
        shop, "refund", "declined", amount, currency=currency, order=f"ord_{order_id}", parent=sale, reason="declined"
    )
    with shop.session() as session:
        values: dict[str, Any] = {
            "sale_id": number(sale),
            "origin_id": number(refund),
            "order_id": order_id,
            "customer_id": customer_id,
            "amount": session.get_one(Transaction, number(sale)).amount,
            "currency": currency,
            "state": ItemState(state),
            "next_attempt_on": shop.moment.date() if state == "queued" else None,
            "last_reason": "declined",
            "created_at": shop.moment - timedelta(days=1),
        }
        item = QueueItem(**{**values, **given})
        session.add(item)
        session.flush()
        return f"rfq_{item.id}"
