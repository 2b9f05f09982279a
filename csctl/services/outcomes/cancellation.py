"""Cancel purchases, now or later, and whole orders. Refunds are separate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.orm import Session

from csctl.domain import fulfillments as shipments
from csctl.domain import ids
from csctl.domain import purchases as rules
from csctl.domain.cancellations import Carried, Scope
from csctl.domain.outcomes import Outcome
from csctl.domain.purchases import Operation, When
from csctl.domain.states import FulfillmentStatus, OrderStatus, PurchaseStatus
from csctl.models import Fulfillment, Order, Purchase, Transaction
from csctl.models.cancellations import columns_of
from csctl.services.emails import announce as emails
from csctl.services.outcomes import billing_dates
from csctl.services.shared import audit, history

if TYPE_CHECKING:
    from csctl.app import App


def cancel_purchase(session: Session, app: App, purchase: Purchase, reason: str | None) -> bool:
    """Cancel a purchase now; False if it was over. Shipments stay as they are."""
    if purchase.status.over:
        return False
    before, purchase.status = purchase.status, PurchaseStatus.CANCELLED
    purchase.cancelled_at, purchase.cancel_reason = app.clock.now(), reason
    purchase.next_bill_on = purchase.cancel_on = purchase.paused_until = None
    purchase.cancel_after_billing = False
    name = ids.show("pur", purchase.id)
    of = purchase.order
    emails.purchase_cancelled(session, app, purchase)
    history.event(session, app, of.customer_id, f"cancelled {name}", of.id, reason=reason)
    audit.write(
        session, app, Outcome.CANCELLED, target=name, before=before.value, after="cancelled", reason=audit.given(reason)
    )
    return True


def cancel_at(session: Session, app: App, purchase: Purchase, moment: When, reason: str | None) -> None:
    """Cancel a purchase now, on a day, or after its next billing; `moment` is from `When.for_one_billed`.

    Raises Conflict if its state does not allow that.
    """
    name, before = ids.show("pur", purchase.id), purchase.status
    after = rules.after(name, before, Operation.CANCEL if moment.now else Operation.SCHEDULE)
    if moment.now:
        cancel_purchase(session, app, purchase, reason)
        return
    purchase.status = after
    if purchase.paused_until is not None:  # nothing is billed before the pause ends
        billing_dates.end_pause(purchase, purchase.paused_until)
    purchase.cancel_on, purchase.cancel_after_billing = moment.on, moment.after_next
    purchase.cancel_reason = reason
    ends = f"on {moment.on}" if moment.on else "after its next billing"
    of = purchase.order
    history.event(session, app, of.customer_id, f"{name} ends {ends}", of.id, reason=reason)
    audit.write(
        session,
        app,
        Outcome.UPDATED,
        target=name,
        before=before.value,
        after=after.value,
        ends=str(moment),
        reason=audit.given(reason),
    )


def call_off(purchase: Purchase) -> None:
    """Withdraw a scheduled cancellation."""
    purchase.cancel_on = purchase.cancel_reason = None
    purchase.cancel_after_billing = False


def to_carry(purchase: Purchase, moment: When) -> Carried:
    """The cancellation of a purchase, for a refund that brings it."""
    return Carried(Scope.PURCHASE, purchase.id, moment.on, moment.after_next)


def carry_out(session: Session, app: App, attempt: Transaction) -> None:
    """Do the cancellation that a refund or void brings, once. What is to be shipped for a purchase is left alone."""
    carried, reason = attempt.carries, attempt.refund_reason
    if carried is None:
        return
    if carried.scope is Scope.ORDER:
        cancel_order(session, app, attempt.order, reason)
    elif carried.scope is Scope.PAID_FOR:
        for purchase in attempt.order.purchases:
            if attempt.purchase_id in (None, purchase.id):
                cancel_purchase(session, app, purchase, reason)
    else:
        _cancel_carried(session, app, carried, reason)
    for column, nothing in columns_of(None).items():
        setattr(attempt, column, nothing)


def _cancel_carried(session: Session, app: App, carried: Carried, reason: str | None) -> None:
    """Where the purchase has gone another way since, it is left there."""
    purchase = session.get_one(Purchase, carried.purchase_id)
    passed = carried.on is not None and carried.on <= app.clock.today()
    moment = When() if passed else When(on=carried.on, after_next=carried.after_next)
    if (purchase.status, Operation.CANCEL if moment.now else Operation.SCHEDULE) in rules.TABLE:
        cancel_at(session, app, purchase, moment, reason)


def cancel_order(session: Session, app: App, order: Order, reason: str | None) -> bool:
    """Cancel every purchase and every fulfillment that is not shipped; False if the order was cancelled before."""
    if order.cancelled_at is not None:
        return False
    for purchase in session.scalars(select(Purchase).where(Purchase.order_id == order.id).order_by(Purchase.id)):
        cancel_purchase(session, app, purchase, reason)
    unshipped = (Fulfillment.order_id == order.id) & Fulfillment.status.in_(shipments.UNSHIPPED)
    for fulfillment in session.scalars(select(Fulfillment).where(unshipped).order_by(Fulfillment.id)):
        fulfillment.status = FulfillmentStatus.CANCELLED
    before = order.status
    if order.status is not OrderStatus.REFUNDED:
        order.status = OrderStatus.CANCELLED
    order.cancelled_at, order.cancel_reason = app.clock.now(), reason
    name = ids.show("ord", order.id)
    history.event(session, app, order.customer_id, f"cancelled {name}", order.id, reason=reason)
    changed = {"before": before.value, "after": order.status.value, "reason": audit.given(reason)}
    audit.write(session, app, Outcome.CANCELLED, target=name, **changed)
    return True
