"""Purchases that were due and are not billed: because cron did not run, or because they wait for a person."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from csctl.domain import ids
from csctl.domain.states import BILLED, CHARGES, CONFIRMED
from csctl.errors import Conflict
from csctl.models import Customer, Order, Purchase, Transaction
from csctl.services.billing import cycle
from csctl.services.blacklist import matching as blacklist
from csctl.services.payments import cards

if TYPE_CHECKING:
    from csctl.app import App

_MOST = 500


@dataclass
class Overdue:
    """Ids of purchases that were due before today. The billing run bills the `missed` ones.

    Each of the `waiting` ones has the reason for which the run skips it, until a person acts.
    """

    missed: list[str] = field(default_factory=list)
    waiting: dict[str, Conflict] = field(default_factory=dict)


def find(app: App) -> Overdue:
    """The purchases that were due before today and are not billed, except those of blacklisted customers."""
    found = Overdue()
    with app.read() as session:
        due = _due(session, app)
        customers = {one.order.customer.id: one.order.customer for one in due}
        unwanted = blacklist.matches(session, list(customers.values()), app.shop.country)
        sales = _sales(session, [one.order_id for one in due])
        for purchase in due:
            if purchase.order.customer_id in unwanted:
                continue
            name = ids.show("pur", purchase.id)
            if reason := _waits_for_a_person(session, app, purchase, sales[purchase.order_id]):
                found.waiting[name] = reason
            else:
                found.missed.append(name)
    return found


def _due(session: Session, app: App) -> list[Purchase]:
    customer = joinedload(Purchase.order).joinedload(Order.customer)
    return list(
        session.scalars(
            select(Purchase)
            .join(Order)
            .where(Purchase.status.in_(BILLED), Purchase.next_bill_on < app.clock.today())
            .where(Order.status.in_(CONFIRMED), Purchase.billed_by.is_(None))
            .options(customer.selectinload(Customer.payment_methods))
            .order_by(Purchase.id)
            .limit(_MOST)
        )
    )


def _sales(session: Session, orders: list[int]) -> dict[int, list[Transaction]]:
    """The charges of each order, oldest first."""
    found: dict[int, list[Transaction]] = defaultdict(list)
    of_orders = select(Transaction).where(Transaction.order_id.in_(orders), Transaction.kind.in_(CHARGES))
    for sale in session.scalars(of_orders.order_by(Transaction.id)):
        found[sale.order_id].append(sale)
    return found


def _waits_for_a_person(session: Session, app: App, purchase: Purchase, sales: list[Transaction]) -> Conflict | None:
    """Why the billing run skips the purchase: a dispute, or no card that may be charged."""
    if disputed := cycle.disputed_charge(purchase, sales):
        return disputed
    if cycle.next_of(purchase, app.clock.today()).amount == 0:
        return None
    try:
        cards.of_purchase(session, purchase, sales)
    except Conflict as no_card:
        return no_card
    return None
