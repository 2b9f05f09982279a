"""Locking and loading the rows that pieces of work need."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from functools import cache
from typing import Any, TypeVar, cast

from sqlalchemy import Select, inspect, or_, select, union_all
from sqlalchemy.orm import Session, load_only, selectinload
from sqlalchemy.orm.attributes import set_committed_value

from csctl.domain.states import CHARGES, ItemState, Kind
from csctl.models import Customer, DeferredChange, Order, PaymentMethod, Purchase, QueueItem, Transaction
from csctl.services.payments.jobs import Held, Needs
from csctl.sets import among

_Row = TypeVar("_Row", Transaction, QueueItem, Purchase, PaymentMethod)
_WIDE = ("billing_", "shipping_", "folded_", "phone_digits")


def hold(session: Session, needs: Iterable[Needs], *, begins: bool = True) -> Held:
    """Lock and load, in a fixed number of queries: the orders concerned, purchases, transactions, queue items.

    Always in this order and by id, so that two processes never wait for each other in a circle. Cards are loaded where
    work `begins`; what an answer leads to seldom needs one.
    """
    wanted = list(needs)
    numbers = {number for need in wanted for number in need.numbers()}
    billed = {number for need in wanted for number in need.purchases}
    items = {number for need in wanted for number in need.items}
    orders = _orders(session, wanted, numbers, items, billed)
    purchases = _locked(session, Purchase, billed) if billed else ()
    of_orders = [order.id for order in orders]
    transactions = session.scalars(_transactions(), {"ids": list(numbers), "orders": of_orders}).all()
    items |= {t.queue_item_id for t in transactions if t.queue_item_id is not None and t.id in numbers}
    queued = _locked(session, QueueItem, items)
    # What failed first is read where it is tried again now.
    first = {item.origin_id for item in queued if item.state is ItemState.QUEUED}
    _load_deferred(session, [row for row in transactions if row.key and row.kind is Kind.SALE and not row.state.closed])
    used = {row.payment_method_id for row in transactions if begins and row.payment_method_id is not None}
    theirs = select(Customer).where(among(Customer.id, "ids"))
    wide = selectinload(Customer.payment_methods) if billed and begins else _without_addresses(Customer)
    customers = session.scalars(theirs.options(wide), {"ids": [order.customer_id for order in orders]}).all()
    origins, methods = _loaded(session, Transaction, first), _loaded(session, PaymentMethod, used)
    return Held(orders, purchases, list(transactions), queued, origins, methods, customers)


def _load_deferred(session: Session, charges: Sequence[Transaction]) -> None:
    """Load what waits for the answers of charges, which the caller holds: so it does not change."""
    wanted = select(DeferredChange).where(DeferredChange.charge_id.in_([charge.id for charge in charges]))
    found = session.scalars(wanted.order_by(DeferredChange.id)).all() if charges else []
    for charge in charges:
        set_committed_value(charge, "deferred", [change for change in found if change.charge_id == charge.id])


def _orders(
    session: Session, wanted: Sequence[Needs], numbers: set[int], items: set[int], billed: set[int]
) -> Sequence[Order]:
    """The orders that are named, and those of the transactions, items and purchases."""
    named = {number for need in wanted for number in need.orders}
    ids = {"orders": named, "transactions": numbers, "items": items, "purchases": billed}
    given = {name: list(some) for name, some in ids.items() if some or name == "orders"}
    return session.scalars(_orders_of(tuple(given), wide=bool(billed)), given).all()


@cache
def _orders_of(kinds: tuple[str, ...], *, wide: bool) -> Select[Any]:
    columns = {
        "orders": (Order.id, Order.id),
        "transactions": (Transaction.order_id, Transaction.id),
        "items": (QueueItem.order_id, QueueItem.id),
        "purchases": (Purchase.order_id, Purchase.id),
    }
    # A union: PostgreSQL would read all orders for several conditions that are joined by OR.
    concerned = union_all(*[select(columns[kind][0]).where(among(columns[kind][1], kind)) for kind in kinds])
    # `with_for_update` says nothing on SQLite, where a writing transaction is alone from its start.
    meant = select(Order).where(Order.id.in_(concerned)).order_by(Order.id).with_for_update()
    return meant if wide else meant.options(_without_addresses(Order))


@cache
def _transactions() -> Select[Any]:
    """These, and all charges of the orders."""
    of_orders = among(Transaction.order_id, "orders") & Transaction.kind.in_(CHARGES)
    meant = select(Transaction).where(or_(among(Transaction.id, "ids"), of_orders))
    return meant.order_by(Transaction.id).with_for_update()


def _locked(session: Session, model: type[_Row], ids: Collection[int]) -> Sequence[_Row]:
    return session.scalars(_by_ids(model).with_for_update(), {"ids": list(ids)}).all()


def _loaded(session: Session, model: type[_Row], ids: Collection[int]) -> Sequence[_Row]:
    return session.scalars(_by_ids(model), {"ids": list(ids)}).all() if ids else ()


def _by_ids(model: type[_Row]) -> Select[Any]:
    return select(model).where(among(model.id, "ids")).order_by(model.id)


@cache
def _without_addresses(model: type[Order] | type[Customer]) -> Any:
    """Addresses, and what searches compare, are many columns, and are read where they are asked for."""
    columns = cast(Any, inspect(model)).column_attrs
    return load_only(*[one.class_attribute for one in columns if not one.key.startswith(_WIDE)])
