"""Locking and loading the rows that pieces of work need."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, cast

from sqlalchemy import inspect, or_, select
from sqlalchemy.orm import Load, Session, load_only, selectinload
from sqlalchemy.orm.attributes import set_committed_value

from csctl.domain.states import CHARGES, ItemState, Kind
from csctl.models import Customer, DeferredChange, Order, PaymentMethod, Purchase, QueueItem, Transaction
from csctl.services.payments.jobs import Held, Needs

_WIDE = ("billing_", "shipping_", "folded_", "phone_digits")


def hold(session: Session, needs: Iterable[Needs], *, begins: bool = True) -> Held:
    """Lock and load, in a fixed number of queries: the orders concerned, purchases, transactions, queue items.

    Always in this order and by id, so that two processes never wait for each other in a circle. Cards are loaded where
    work `begins`; what an answer leads to seldom needs one.
    """
    wanted = list(needs)
    numbers = {number for need in wanted for number in need.numbers()}
    billed = {number for need in wanted for number in need.purchases}
    orders = _orders(session, wanted, numbers, billed)
    held = [order.id for order in orders]
    chosen = select(Purchase).where(Purchase.id.in_(billed)).order_by(Purchase.id).with_for_update()
    purchases = session.scalars(chosen).all() if billed else []
    of_orders = Transaction.order_id.in_(held) & Transaction.kind.in_(CHARGES)
    meant = select(Transaction).where(or_(Transaction.id.in_(numbers), of_orders))
    transactions = session.scalars(meant.order_by(Transaction.id).with_for_update()).all()
    item_ids = {t.queue_item_id for t in transactions if t.queue_item_id is not None and t.id in numbers}
    item_ids |= {number for need in wanted for number in need.items}
    queued = select(QueueItem).where(QueueItem.id.in_(item_ids))
    items = session.scalars(queued.order_by(QueueItem.id).with_for_update()).all()
    # What failed first is read where it is tried again now.
    first = {item.origin_id for item in items if item.state is ItemState.QUEUED}
    origins = session.scalars(select(Transaction).where(Transaction.id.in_(first))).all() if first else []
    _load_deferred(session, [row for row in transactions if row.key and row.kind is Kind.SALE and not row.state.closed])
    used = {row.payment_method_id for row in transactions if begins and row.payment_method_id is not None}
    methods = session.scalars(select(PaymentMethod).where(PaymentMethod.id.in_(used))).all() if used else []
    theirs = select(Customer).where(Customer.id.in_({order.customer_id for order in orders}))
    wide = selectinload(Customer.payment_methods) if billed and begins else _without_addresses(Customer)
    customers = session.scalars(theirs.options(wide)).all()
    return Held(orders, purchases, list(transactions), items, origins, methods, customers)


def _load_deferred(session: Session, charges: Sequence[Transaction]) -> None:
    """Load what waits for the answers of charges, which the caller holds: so it does not change."""
    wanted = select(DeferredChange).where(DeferredChange.charge_id.in_([charge.id for charge in charges]))
    found = session.scalars(wanted.order_by(DeferredChange.id)).all() if charges else []
    for charge in charges:
        set_committed_value(charge, "deferred", [change for change in found if change.charge_id == charge.id])


def _orders(session: Session, wanted: Sequence[Needs], numbers: set[int], billed: set[int]) -> Sequence[Order]:
    """The orders that are named, and those of the transactions, items and purchases."""
    named = {number for need in wanted for number in need.orders}
    items = {number for need in wanted for number in need.items}
    concerned = [Order.id.in_(named)]
    if numbers:
        concerned.append(Order.id.in_(select(Transaction.order_id).where(Transaction.id.in_(numbers))))
    if items:
        concerned.append(Order.id.in_(select(QueueItem.order_id).where(QueueItem.id.in_(items))))
    if billed:
        concerned.append(Order.id.in_(select(Purchase.order_id).where(Purchase.id.in_(billed))))
    # `with_for_update` says nothing on SQLite, where a writing transaction is alone from its start.
    meant = select(Order).where(or_(*concerned)).order_by(Order.id).with_for_update()
    return session.scalars(meant if billed else meant.options(_without_addresses(Order))).all()


@cache
def _without_addresses(model: type[Order] | type[Customer]) -> Any:
    """Addresses, and what searches compare, are many columns, and are read where they are asked for."""
    columns = cast(Any, inspect(model)).column_attrs
    return load_only(*[one.class_attribute for one in columns if not one.key.startswith(_WIDE)])
