"""Changes that wait for the answer of a charge that is under way (domain rules, section 2).

What depends on the outcome of a charge is not done behind its back, and is not lost.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from csctl.domain import ids
from csctl.domain import purchases as rules
from csctl.domain.outcomes import Outcome
from csctl.domain.purchases import Operation
from csctl.domain.states import OPEN_STATES, Kind, Occasion
from csctl.errors import Conflict
from csctl.models import DeferredChange, Order, Purchase, Transaction
from csctl.services.outcomes import billing
from csctl.services.outcomes import cancellation as cancelling
from csctl.services.shared import audit, history

if TYPE_CHECKING:
    from csctl.app import App


def charge_of(session: Session, now: datetime, order_id: int, purchase: Purchase | None = None) -> Transaction | None:
    """The charge of an order, or of one purchase, whose answer is to be waited for. The caller holds the order.

    Raises Conflict while a process waits for that answer.
    """
    charge = open_charge(session, order_id, purchase)
    if charge and charge.lease_until and charge.lease_until >= now:
        what = ids.show("pur", purchase.id) if purchase else ids.show("ord", order_id)
        raise Conflict(
            f"{what} is being billed",
            cause=f"{ids.show('txn', charge.id)} is at the gateway until {charge.lease_until:%H:%M:%S} UTC at most",
            fix="run it again then",
        )
    return charge


def open_charge(session: Session, order_id: int, purchase: Purchase | None = None) -> Transaction | None:
    """The charge of ours whose outcome is not known yet."""
    wanted = select(Transaction).where(
        Transaction.order_id == order_id,
        Transaction.kind == Kind.SALE,
        Transaction.key.is_not(None),
        Transaction.state.in_(OPEN_STATES),
    )
    if purchase is not None:
        wanted = wanted.where(or_(Transaction.purchase_id.is_(None), Transaction.purchase_id == purchase.id))
    return session.scalars(wanted.order_by(Transaction.id.desc()).limit(1)).first()


def refuse_next_only(session: Session, purchase: Purchase) -> None:
    """Raises Conflict for terms of the next billing alone while a charge is under way: its answer decides which billing
    that is.
    """
    if charge := open_charge(session, purchase.order_id, purchase):
        name = ids.show("txn", charge.id)
        raise Conflict(
            f"{ids.show('pur', purchase.id)} is being billed",
            cause=f"{name} is {charge.state.value}: its answer decides which billing is the next one",
            fix=f"csctl txn reconcile {name}, or leave --next-only out",
        )


def cancel_order(session: Session, app: App, order: Order, charge: Transaction, reason: str | None) -> str:
    """Cancel an order once the charge is answered. Returns what to tell."""
    _keep(session, app, charge, order_id=order.id, reason=reason)
    return _told(session, app, charge, f"{ids.show('ord', order.id)} is cancelled")


def cancel_purchase(session: Session, app: App, purchase: Purchase, charge: Transaction, reason: str | None) -> str:
    """Cancel a purchase once the charge is answered. Returns what to tell."""
    _keep(session, app, charge, purchase_id=purchase.id, reason=reason)
    return _told(session, app, charge, f"{ids.show('pur', purchase.id)} is cancelled")


def bill_on(session: Session, app: App, purchase: Purchase, charge: Transaction, day: date) -> str:
    """Bill a purchase next on a day once the charge is answered. Returns what to tell."""
    _keep(session, app, charge, purchase_id=purchase.id, bill_on=day)
    return _told(session, app, charge, f"{ids.show('pur', purchase.id)} is billed next on {day}")


def _keep(
    session: Session,
    app: App,
    charge: Transaction,
    *,
    order_id: int | None = None,
    purchase_id: int | None = None,
    bill_on: date | None = None,
    reason: str | None = None,
) -> None:
    """Keep a change; it replaces an earlier one of the same kind."""
    same = select(DeferredChange).where(
        DeferredChange.charge_id == charge.id,
        DeferredChange.order_id == order_id if order_id else DeferredChange.purchase_id == purchase_id,
        DeferredChange.bill_on.is_not(None) if bill_on else DeferredChange.bill_on.is_(None),
    )
    kept = session.scalars(same).first()
    if kept is None:
        kept = DeferredChange(charge_id=charge.id, order_id=order_id, purchase_id=purchase_id)
        session.add(kept)
    kept.bill_on, kept.reason = bill_on, reason
    kept.created_at, kept.created_by = app.clock.now(), app.actor.id


def _told(session: Session, app: App, charge: Transaction, what: str) -> str:
    name = ids.show("txn", charge.id)
    text = f"{what} once {name} is answered, which is {charge.state.value}"
    history.event(session, app, charge.order.customer_id, text, order_id=charge.order_id, transaction_id=charge.id)
    audit.write(session, app, Outcome.PENDING, target=name, deferred=what)
    return text


def cancel(session: Session, app: App, charge: Transaction) -> None:
    """The charge is answered: do the cancellations that waited for that, before anything follows from the answer. An
    order whose checkout was refused has nothing to cancel.
    """
    refused = charge.occasion is Occasion.CHECKOUT and charge.state.refused
    for change in [one for one in charge.deferred if one.bill_on is None]:
        if change.order_id and not refused:
            cancelling.cancel_order(session, app, charge.order, change.reason)
        elif change.purchase_id and not refused:
            cancelling.cancel_purchase(session, app, session.get_one(Purchase, change.purchase_id), change.reason)
        session.delete(change)


def move_billing(session: Session, app: App, charge: Transaction) -> None:
    """The charge is answered, and what follows from that is done: bill on the days that were asked for."""
    for change in [one for one in charge.deferred if one.bill_on is not None]:
        if change.purchase_id and change.bill_on:
            _bill_on(session, app, session.get_one(Purchase, change.purchase_id), change.bill_on)
        session.delete(change)


def _bill_on(session: Session, app: App, purchase: Purchase, day: date) -> None:
    """Not where the purchase is not billed any more, nor on a day that has passed by now: then the history says so."""
    name, before = ids.show("pur", purchase.id), purchase.next_bill_on
    customer = purchase.order.customer_id
    if (purchase.status, Operation.BILLING_DATE) not in rules.TABLE or day < app.clock.today():
        why = "has passed" if day < app.clock.today() else f"does not apply: it is {purchase.status.value}"
        history.event(session, app, customer, f"{name}: next_bill_on {day} {why}", order_id=purchase.order_id)
        return
    billing.bill_next_on(purchase, day, app.clock.today())
    history.event(session, app, customer, f"{name}: next_bill_on {before} -> {day}", order_id=purchase.order_id)
    audit.write(session, app, Outcome.UPDATED, target=name, before=str(before), after=str(day))
