"""Rows of orders and their purchases in lists and in `order show`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session, joinedload

from csctl.domain.money import to_decimal
from csctl.domain.states import SALES, OrderStatus
from csctl.models import Fulfillment, Order, PricePoint, ProductOption, Purchase, Transaction
from csctl.results import Amounts, Limit, Page, Row
from csctl.services.shared import damage, field_values, filters, operator_names
from csctl.services.shared import listing as listings
from csctl.services.views import customers, fulfillments, products, transactions

if TYPE_CHECKING:
    from csctl.app import App


@dataclass(frozen=True)
class Filters:
    """Filters of orders: any of several values of one field, and all of several fields."""

    status: Sequence[str] = ()
    customer_id: Sequence[int] = ()
    product: Sequence[str] = ()
    since: str | None = None
    until: str | None = None
    amounts: Amounts = Amounts()


def listing(app: App, limit: Limit, wanted: Filters) -> Page:
    """Orders, newest first. Raises Usage for an invalid value, NotFound for an unknown product."""
    conditions = [
        *listings.between(app.clock, Order.placed_at, wanted.since, wanted.until),
        *filters.any_of(Order.status, [OrderStatus(status) for status in wanted.status]),
        *filters.any_of(Order.customer_id, wanted.customer_id),
        *filters.amounts(wanted.amounts, Order.total, Order.currency),
    ]
    if wanted.product:
        with app.read() as session:
            of_products = products.purchases_of(session, wanted.product)
        conditions.append(Order.id.in_(select(Purchase.order_id).where(of_products)))
    statement = select(Order).where(*conditions).options(joinedload(Order.customer))
    return listings.newest_first(app, statement, Order.placed_at, Order.id, rows, limit)


def show(app: App, number: int) -> Row:
    """An order with all its records. Raises NotFound."""
    with app.read() as session:
        order = listings.existing(session, Order, "ord", number)
        this = Order.id == order.id
        return {
            **rows(session, [order])[0],
            **field_values.shown(order),
            "purchases": purchases_of(session, this),
            "transactions": transactions.of_orders(session, this, operator_names.names(session)),
            "fulfillments": fulfillments_of(session, this),
        }


def rows(session: Session, orders: list[Order]) -> list[Row]:
    """A row for each order. Runs one query for all of them."""
    refunded = _refunded(session, Transaction.order_id.in_([order.id for order in orders]))
    return damage.each(lambda order: row(order, refunded.get(order.id, 0)), orders)


def of_customer(session: Session, customer_id: int) -> list[Row]:
    """A row for each order of a customer, newest first. Runs two queries."""
    theirs = (
        select(Order)
        .where(Order.customer_id == customer_id)
        .options(joinedload(Order.customer))
        .order_by(Order.placed_at.desc(), Order.id.desc())
    )
    refunded = _refunded(session, Transaction.order_id.in_(select(Order.id).where(Order.customer_id == customer_id)))
    return damage.each(lambda order: row(order, refunded.get(order.id, 0)), session.scalars(theirs))


def _refunded(session: Session, orders: ColumnElement[bool]) -> dict[int, int]:
    """The amount returned of the sales of each order, in minor units. Sales that were not approved have none."""
    sales = select(Transaction.order_id, func.sum(Transaction.refunded)).where(orders, Transaction.kind.in_(SALES))
    return {number: int(total) for number, total in session.execute(sales.group_by(Transaction.order_id))}


def row(order: Order, refunded: int) -> Row:
    """A row. `refunded`: the amount returned of the order's sales, in minor units."""
    return {
        **field_values.listed(order),
        **customers.named(order.customer),
        "refunded": to_decimal(refunded, order.currency),
    }


def purchases_of(session: Session, orders: ColumnElement[bool]) -> list[Row]:
    """The purchases of the orders that meet the condition, newest order first. Runs one query."""
    point = joinedload(Purchase.price_point).joinedload(PricePoint.option).joinedload(ProductOption.product)
    picked = select(Purchase).join(Purchase.order).where(orders).options(point)
    return damage.each(purchase_row, session.scalars(picked.order_by(Order.placed_at.desc(), Purchase.id)))


def purchase_row(purchase: Purchase) -> Row:
    """A row. A purchase that is not in the catalog has its description as name, and neither option nor price point."""
    point = purchase.price_point
    return {
        **field_values.listed(purchase),
        "product": point.option.product.name if point else purchase.description,
        "option": point.option.code if point else None,
        "price_point": point.code if point else None,
    }


def fulfillments_of(session: Session, orders: ColumnElement[bool]) -> list[Row]:
    """The shipments of the orders that meet the condition, newest first. Runs one query."""
    picked = (
        select(Fulfillment)
        .join(Fulfillment.order)
        .where(orders)
        .options(joinedload(Fulfillment.order).joinedload(Order.customer))
    )
    found = session.scalars(picked.order_by(Fulfillment.created_at.desc(), Fulfillment.id.desc()))
    return damage.each(fulfillments.row, found)
