"""The intent: a new attempt at a gateway, `created`, with its own key. It has no id before the next call: what is
written together is written in few statements.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from csctl.domain.states import Kind, Occasion, State
from csctl.models import Order, PaymentMethod, QueueItem, Transaction
from csctl.services.payments.jobs import LEASE, Turn

if TYPE_CHECKING:
    from csctl.app import App


def open_attempt(
    turn: Turn, app: App, sale: Transaction, kind: Kind, amount: int, *, item: QueueItem | None = None, **details: Any
) -> Transaction:
    """Open a void or refund, its amount (minor units) reserved on the sale.

    The retry of a queue `item` needs no new reservation: the item holds one. `details` are further columns.
    """
    if item is None:
        sale.reserved += amount
    turn.needs.transactions.add(sale.id)
    return _open(
        turn,
        app,
        order_id=sale.order_id,
        payment_method_id=sale.payment_method_id,
        parent_id=sale.id,
        kind=kind,
        amount=amount,
        currency=sale.currency,
        gateway=sale.gateway,
        queue_item_id=item.id if item else None,
        **{"purchase_id": sale.purchase_id, **details},
    )


def open_sale(
    turn: Turn, app: App, order: Order, method: PaymentMethod, amount: int, occasion: Occasion, **details: Any
) -> Transaction:
    """Open a sale of `amount` minor units of the order's currency. `details` are further columns.

    For a purchase and a cycle there is at most one that is not refused: the database says no to a second.
    """
    turn.needs.orders.add(order.id)
    return _open(
        turn,
        app,
        order_id=order.id,
        payment_method_id=method.id,
        kind=Kind.SALE,
        amount=amount,
        currency=order.currency,
        gateway=method.gateway,
        occasion=occasion,
        **details,
    )


def _open(turn: Turn, app: App, **columns: Any) -> Transaction:
    now = app.clock.now()
    attempt = Transaction(
        state=State.CREATED,
        key=uuid.uuid4().hex,
        created_at=now,
        lease_until=now + LEASE,
        **{"created_by": app.actor.id, **columns},
    )
    turn.session.add(attempt)
    turn.needs.opened.append(attempt)
    turn.held.open(attempt)
    return attempt
