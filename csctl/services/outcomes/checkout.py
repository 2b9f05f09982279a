"""Apply the outcome of a checkout to its order (domain rules, section 5)."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from csctl.domain import ids
from csctl.domain import purchases as rules
from csctl.domain.outcomes import Outcome
from csctl.domain.states import FulfillmentStatus, OrderStatus, PurchaseStatus, State
from csctl.models import Fulfillment, Order, Purchase, Transaction
from csctl.services.emails import announce as emails
from csctl.services.shared import audit

if TYPE_CHECKING:
    from csctl.app import App

NOT_CHARGED = "the charge was not approved"


def take_outcome(session: Session, app: App, sale: Transaction) -> None:
    """Apply an outcome. Approved: the order is complete. Declined or failed: it is stored as declined, and nothing
    follows.

    An order that was cancelled while its charge was under way stays cancelled; the money can be refunded.
    """
    order = sale.order
    if order.status is not OrderStatus.PENDING:
        return
    if sale.state is State.APPROVED:
        confirm(session, app, order, email=sale.send_email)
    elif sale.state.refused:
        _decline(session, app, order)


def confirm(session: Session, app: App, order: Order, *, email: bool) -> None:
    """Complete the order: create a shipment, and write the welcome email."""
    order.status = OrderStatus.COMPLETE
    for purchase in order.purchases:
        purchase.last_billed_on = today = app.clock.today()
        purchase.billed_from, purchase.billed_to = (today, purchase.next_bill_on) if purchase.interval else (None, None)
    session.add(Fulfillment(order_id=order.id, status=FulfillmentStatus.PENDING, created_at=app.clock.now()))
    if email:
        emails.welcome(session, app, order)
    _note(session, app, order, before=OrderStatus.PENDING)


def begin(purchase: Purchase, today: date) -> None:
    """Set the first state of a purchase, from today: in its trial, billed by its interval, or complete."""
    if purchase.trial_ends_on:
        purchase.status, purchase.next_bill_on = PurchaseStatus.TRIAL, purchase.trial_ends_on
    elif purchase.interval:
        purchase.status = PurchaseStatus.ACTIVE
        purchase.next_bill_on = rules.next_billing(purchase.interval, today, purchase.billing_day)
    else:
        purchase.status = PurchaseStatus.COMPLETE


def reopen(session: Session, app: App, order: Order) -> None:
    """Reopen a declined order with its purchases: its charge may be approved after all."""
    if order.status is not OrderStatus.DECLINED:
        return
    order.status = OrderStatus.PENDING
    for purchase in order.purchases:
        if purchase.cancel_reason == NOT_CHARGED:
            purchase.cancelled_at = purchase.cancel_reason = None
            begin(purchase, app.clock.day_of(purchase.created_at))
    _note(session, app, order, before=OrderStatus.DECLINED)


def _decline(session: Session, app: App, order: Order) -> None:
    order.status = OrderStatus.DECLINED
    for purchase in order.purchases:
        if purchase.status is not PurchaseStatus.CANCELLED:
            purchase.status = PurchaseStatus.CANCELLED
            purchase.cancelled_at, purchase.cancel_reason = app.clock.now(), NOT_CHARGED
            purchase.next_bill_on = None
    _note(session, app, order, before=OrderStatus.PENDING)


def _note(session: Session, app: App, order: Order, *, before: OrderStatus) -> None:
    audit.write(
        session,
        app,
        Outcome.UPDATED,
        target=ids.show("ord", order.id),
        before=before.value,
        after=order.status.value,
    )
