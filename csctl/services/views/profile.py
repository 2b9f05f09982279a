"""The profile of a customer: what an agent looks at during a call."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from csctl.domain import ids
from csctl.models import BlacklistEntry, Customer, HistoryEntry, Order, QueueItem
from csctl.results import Row
from csctl.services.blacklist import matching as blacklist
from csctl.services.customers import lookup
from csctl.services.refunds import approvals
from csctl.services.shared import damage, field_values, operator_names
from csctl.services.views import customers, history, orders, transactions
from csctl.services.views import queue as queue_items

if TYPE_CHECKING:
    from csctl.app import App


def of_customer(app: App, who: str) -> Row:
    """The profile of the customer with this id or email. Runs the same number of queries for any number of orders.

    Raises NotFound, or Conflict for an email of several customers.
    """
    with app.read() as session:
        customer = lookup.find(session, who)
        theirs = Order.customer_id == customer.id
        names = operator_names.names(session)
        blocked = blacklist.matches(session, [customer], app.shop.country)
        return {
            **customers.rows(session, [customer], blocked)[0],
            **field_values.shown(customer),
            "blacklist": [_entry(entry) for entry in blocked.get(customer.id, [])],
            "payment_methods": damage.each(transactions.payment_method_row, customer.payment_methods),
            "orders": orders.of_customer(session, customer.id),
            "purchases": orders.purchases_of(session, theirs),
            "transactions": transactions.of_orders(session, theirs, names),
            "fulfillments": orders.fulfillments_of(session, theirs),
            "queue": _queue(session, customer, app.clock.today()),
            "approvals": approvals.of_customer(session, app, customer.id),
            "history": _history(session, customer, names),
        }


def _entry(entry: BlacklistEntry) -> Row:
    return {"id": ids.show("bli", entry.id), "kind": entry.kind, "value": entry.value, "reason": entry.reason}


def _queue(session: Session, customer: Customer, today: date) -> list[Row]:
    items = (
        select(QueueItem)
        .where(QueueItem.customer_id == customer.id)
        .options(joinedload(QueueItem.order).joinedload(Order.customer), joinedload(QueueItem.sale))
    )
    return damage.each(lambda item: queue_items.row(item, today), session.scalars(items.order_by(QueueItem.id.desc())))


def _history(session: Session, customer: Customer, names: Mapping[int, str]) -> list[Row]:
    entries = select(HistoryEntry).where(HistoryEntry.customer_id == customer.id, history.current())
    newest_first = entries.order_by(HistoryEntry.at.desc(), HistoryEntry.id.desc())
    return damage.each(lambda entry: history.row(entry, names), session.scalars(newest_first))
