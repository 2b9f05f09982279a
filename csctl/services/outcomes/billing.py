"""Apply the outcome of a billing to its purchase (domain rules, section 5)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from csctl.domain import billing as calendar
from csctl.domain import intervals
from csctl.domain import purchases as rules
from csctl.domain.purchases import Operation
from csctl.domain.reasons import Uncharged, after_charge
from csctl.domain.states import FulfillmentStatus, Occasion, PurchaseStatus, State
from csctl.models import Fulfillment, Purchase, Transaction
from csctl.services.emails import announce as emails
from csctl.services.outcomes import billing_dates, orders
from csctl.services.outcomes import cancellation as cancelling

if TYPE_CHECKING:
    from csctl.app import App


@dataclass(frozen=True)
class Billing:
    """One cycle of a purchase to bill. `unit_price` in minor units; `keep`: quantity and price are set
    on the purchase.
    """

    cycle: int
    due_on: date
    quantity: int
    unit_price: int
    keep: bool = False

    @property
    def amount(self) -> int:
        return self.quantity * self.unit_price


def take_outcome(session: Session, app: App, sale: Transaction) -> None:
    """Apply an outcome. Approved: the purchase is one cycle further. Refused in a billing run: it is retried, waits for
    the customer, is given up, or stays due, by the reason.

    In a billing by hand, a refusal changes nothing.
    """
    purchase = session.get_one(Purchase, sale.purchase_id)
    if sale.state is State.APPROVED:
        succeed(session, app, purchase, of_sale(sale))
    elif sale.state.refused and sale.occasion is Occasion.RUN and after_charge(sale.reason) is not Uncharged.NEXT_RUN:
        _refuse(session, app, sale, purchase)


def of_sale(sale: Transaction) -> Billing:
    """The billing of a sale. Quantity and unit price are on it only if the purchase shall keep them."""
    return Billing(
        cycle=sale.cycle or 0,
        due_on=sale.due_on or sale.created_at.date(),
        quantity=sale.quantity or 1,
        unit_price=sale.unit_price or 0,
        keep=sale.quantity is not None,
    )


def succeed(session: Session, app: App, purchase: Purchase, billing: Billing) -> None:
    """Apply a paid cycle: the next billing day, the state, and a shipment. Changes for one billing are removed."""
    purchase.cycle, purchase.recycle_attempts = billing.cycle, 0
    purchase.last_billed_on, purchase.due_on = app.clock.today(), None
    purchase.next_quantity = purchase.next_unit_price = purchase.next_price_point_id = None
    _note_period(purchase, billing.due_on)
    if billing.keep:
        purchase.quantity, purchase.unit_price = billing.quantity, billing.unit_price
        purchase.price = billing.amount
    orders.note_money(purchase.order)
    if purchase.order.cancelled_at is None:
        shipment = Fulfillment(order_id=purchase.order_id, status=FulfillmentStatus.PENDING)
        shipment.created_at = app.clock.now()
        session.add(shipment)
    if purchase.status.over:  # cancelled while the charge was under way: it stays cancelled
        return
    _advance(purchase, billing)
    if purchase.cancel_after_billing and not purchase.status.over:
        cancelling.cancel_purchase(session, app, purchase, purchase.cancel_reason)


def bill_next_on(purchase: Purchase, day: date, today: date) -> None:
    """Bill next on a day. The end of a trial, and a cancellation for before the next billing, move with it."""
    if purchase.cancel_on is not None and purchase.cancel_on == purchase.next_bill_on:
        purchase.cancel_on = day
    if rules.in_trial(purchase.trial_ends_on, purchase.cycle, today):
        purchase.trial_ends_on = day
    billing_dates.bill_on(purchase, day)


def _note_period(purchase: Purchase, due_on: date) -> None:
    """Store the days that the billing pays for: a later proration uses them."""
    if purchase.interval:
        purchase.billed_from = due_on
        purchase.billed_to = rules.next_billing(purchase.interval, due_on, purchase.billing_day)


def _advance(purchase: Purchase, billing: Billing) -> None:
    if purchase.status is PurchaseStatus.TRIAL and purchase.next_bill_on and billing.due_on < purchase.next_bill_on:
        purchase.trial_ends_on, purchase.billing_day = billing.due_on, None  # skipped: it bills on this day from now on
    if purchase.interval and intervals.parse(purchase.interval).monthly:
        purchase.billing_day = purchase.billing_day or billing.due_on.day
    before_next = purchase.cancel_on is not None and purchase.cancel_on == purchase.next_bill_on
    last = purchase.interval is None or (purchase.final_cycle is not None and billing.cycle >= purchase.final_cycle)
    purchase.status = _then(purchase, Operation.BILL_LAST if last else Operation.BILL)
    if last:
        purchase.next_bill_on = purchase.cancel_on = None
    elif purchase.interval:
        if purchase.status is PurchaseStatus.ACTIVE and purchase.ends_later:
            purchase.status = PurchaseStatus.CANCELLATION_SCHEDULED  # as before the decline
        purchase.next_bill_on = rules.next_billing(purchase.interval, billing.due_on, purchase.billing_day)
        if before_next:  # scheduled for before the next billing, on any day
            purchase.cancel_on = purchase.next_bill_on


def _refuse(session: Session, app: App, sale: Transaction, purchase: Purchase) -> None:
    then, due_on = after_charge(sale.reason), of_sale(sale).due_on
    today, declines, scheduled = app.clock.today(), purchase.recycle_attempts + 1, purchase.next_bill_on
    again = None
    if then is Uncharged.RETRY:
        again = calendar.retry_on(app.shop.recycle_days, declines, scheduled or today, today)
    operation = Operation.DECLINE_SOFTLY if again or then is Uncharged.CONFIRM else Operation.DECLINE
    if (purchase.status, operation) in rules.TABLE:  # otherwise it was paused or cancelled in the time between
        purchase.status, purchase.next_bill_on = _then(purchase, operation), again
        purchase.recycle_attempts, purchase.due_on = declines, due_on
        if sale.state is State.DECLINED:  # other refusals are csctl's own, and not the customer's
            emails.billing_declined(session, app, sale, purchase, again)


def _then(purchase: Purchase, operation: Operation) -> PurchaseStatus:
    """The state after it; unchanged where the table has no transition (paused in the time between)."""
    return rules.TABLE.get((purchase.status, operation), purchase.status)
