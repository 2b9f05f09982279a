"""What becomes of an order once its charge is answered (domain rules, section 5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from csctl.domain import ids
from csctl.domain.states import FulfillmentStatus, OrderStatus, PurchaseStatus, State
from csctl.models import Fulfillment, Order, Transaction
from csctl.services import audit, emails

if TYPE_CHECKING:
    from csctl.app import App


def take_outcome(session: Session, app: App, sale: Transaction) -> None:
    """Approved: the order is complete. Declined or failed: it is kept as declined, and nothing follows from it.

    An order that was cancelled while its charge was under way stays so; the money can be returned.
    """
    order = sale.order
    if order.status is not OrderStatus.PENDING:
        return
    if sale.state is State.APPROVED:
        confirm(session, app, order, email=sale.send_email)
    elif sale.state in (State.DECLINED, State.FAILED):
        _decline(session, app, order)


def confirm(session: Session, app: App, order: Order, *, email: bool) -> None:
    """The order stands: a shipment is made, and the customer hears of it."""
    order.status = OrderStatus.COMPLETE
    session.add(Fulfillment(order_id=order.id, status=FulfillmentStatus.PENDING, created_at=app.clock.now()))
    if email:
        emails.welcome(session, app, order)
    _note(session, app, order)


def _decline(session: Session, app: App, order: Order) -> None:
    order.status = OrderStatus.DECLINED
    for purchase in order.purchases:
        if purchase.status is not PurchaseStatus.CANCELLED:
            purchase.status = PurchaseStatus.CANCELLED
            purchase.cancelled_at, purchase.cancel_reason = app.clock.now(), "the charge was not approved"
            purchase.next_bill_on = None
    _note(session, app, order)


def _note(session: Session, app: App, order: Order) -> None:
    audit.write(
        session,
        app,
        "updated",
        target=ids.show("ord", order.id),
        before=OrderStatus.PENDING.value,
        after=order.status.value,
    )
