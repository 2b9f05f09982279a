"""Rows of purchases in lists and in `purchase show`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from csctl.clock import parse_date
from csctl.domain import ids
from csctl.domain.money import to_decimal
from csctl.domain.states import PurchaseStatus
from csctl.models import Order, PricePoint, ProductOption, Purchase, Transaction
from csctl.results import Amounts, Limit, Page, Row
from csctl.services.shared import damage, field_values, filters
from csctl.services.shared import listing as listings
from csctl.services.views import customers, orders, products, transactions

if TYPE_CHECKING:
    from csctl.app import App


@dataclass(frozen=True)
class Filters:
    """Filters of purchases: any of several values of one field, and all of several fields."""

    status: Sequence[str] = ()
    customer_id: Sequence[int] = ()
    product: Sequence[str] = ()
    due_before: str | None = None
    amounts: Amounts = Amounts()


@dataclass(frozen=True)
class Terms:
    """What the next billing charges, with amounts as decimal strings."""

    on: str
    cycle: int
    option: str | None
    price_point: str | None
    quantity: int
    unit_price: str
    price: str


def listing(app: App, limit: Limit, wanted: Filters) -> Page:
    """Purchases, newest first. `due_before`: billed before that day.

    Raises Usage for an invalid value, NotFound for an unknown product.
    """
    conditions = [
        *filters.any_of(Purchase.status, [PurchaseStatus(status) for status in wanted.status]),
        *filters.amounts(wanted.amounts, Purchase.price, Purchase.currency),
    ]
    if wanted.customer_id:
        theirs = select(Order.id).where(Order.customer_id.in_(wanted.customer_id))
        conditions.append(Purchase.order_id.in_(theirs))
    if wanted.due_before is not None:
        conditions.append(Purchase.next_bill_on < parse_date(wanted.due_before))
    if wanted.product:
        with app.read() as session:
            conditions.append(products.purchases_of(session, wanted.product))
    point = joinedload(Purchase.price_point).joinedload(PricePoint.option).joinedload(ProductOption.product)
    customer = joinedload(Purchase.order).joinedload(Order.customer)
    statement = select(Purchase).where(*conditions).options(point, customer)
    return listings.newest_first(app, statement, Purchase.created_at, Purchase.id, _rows, limit)


def _rows(_session: Session, purchases: list[Purchase]) -> list[Row]:
    return damage.each(row, purchases)


def row(purchase: Purchase) -> Row:
    return {
        **orders.purchase_row(purchase),
        "customer_id": ids.show("cus", purchase.order.customer_id),
        **customers.named(purchase.order.customer),
    }


def show(app: App, number: int) -> Row:
    """A purchase, the terms of its next billing, and its transactions. Raises NotFound."""
    with app.read() as session:
        purchase = listings.existing(session, Purchase, "pur", number)
        names_it = select(Transaction).where(Transaction.purchase_id == number).options(joinedload(Transaction.order))
        newest = session.scalars(names_it.order_by(Transaction.created_at.desc(), Transaction.id.desc()))
        terms = next_billing(session, purchase)
        return {
            **row(purchase),
            **field_values.shown(purchase),
            "next_billing": asdict(terms) if terms else None,
            "transactions": transactions.rows(session, list(newest)),
        }


def next_billing(session: Session, purchase: Purchase) -> Terms | None:
    """The terms of the next billing; None if none is due. Terms for this billing alone take precedence."""
    if purchase.next_bill_on is None:
        return None
    point = session.get(PricePoint, purchase.next_price_point_id or purchase.price_point_id or 0)
    quantity, unit_price = next_terms(purchase)
    return Terms(
        on=purchase.next_bill_on.isoformat(),
        cycle=purchase.cycle + 1,
        option=point.option.code if point else None,
        price_point=point.code if point else None,
        quantity=quantity,
        unit_price=to_decimal(unit_price, purchase.currency),
        price=to_decimal(quantity * unit_price, purchase.currency),
    )


def next_terms(purchase: Purchase) -> tuple[int, int]:
    """Quantity and unit price (minor units) of the next billing."""
    quantity = purchase.quantity if purchase.next_quantity is None else purchase.next_quantity
    unit_price = purchase.unit_price if purchase.next_unit_price is None else purchase.next_unit_price
    return quantity, unit_price
