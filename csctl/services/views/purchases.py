"""Purchases as listings and `purchase show` show them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session, joinedload

from csctl.clock import parse_date
from csctl.domain import ids
from csctl.domain.money import to_decimal
from csctl.domain.states import PurchaseStatus
from csctl.domain.text import accept
from csctl.models import Order, PricePoint, Product, ProductOption, Purchase, Transaction
from csctl.results import Page
from csctl.services.shared import damage
from csctl.services.shared import listing as listings
from csctl.services.views import orders, transactions

if TYPE_CHECKING:
    from csctl.app import App


def listing(
    app: App,
    limit: int | None,
    *,
    status: str | None = None,
    customer_id: int | None = None,
    due_before: str | None = None,
    product: str | None = None,
) -> Page:
    """Purchases, newest first. `due_before`: billed before that day. Raises Usage for what is none."""
    point = joinedload(Purchase.price_point).joinedload(PricePoint.option).joinedload(ProductOption.product)
    statement = select(Purchase).options(point, joinedload(Purchase.order))
    if status is not None:
        statement = statement.where(Purchase.status == PurchaseStatus(status))
    if customer_id is not None:
        statement = statement.where(Purchase.order_id.in_(select(Order.id).where(Order.customer_id == customer_id)))
    if due_before is not None:
        statement = statement.where(Purchase.next_bill_on < parse_date(due_before))
    if product is not None:
        statement = statement.where(_of_product(accept(product, "--product")))
    return listings.newest_first(app, statement, Purchase.created_at, Purchase.id, _rows, limit)


def _of_product(text: str) -> ColumnElement[bool]:
    """The purchases of a product: named by its sku or id, or by a part of its name."""
    named: list[ColumnElement[bool]] = [
        Product.sku == text,
        func.lower(Product.name).contains(text.lower(), autoescape=True),
    ]
    if text.startswith("prd_"):
        named.append(Product.id == ids.parse("prd", text).id)
    points = select(PricePoint.id).join(PricePoint.option).join(ProductOption.product).where(or_(*named))
    described = func.lower(Purchase.description).contains(text.lower(), autoescape=True)
    return or_(described, Purchase.price_point_id.in_(points))


def _rows(_session: Session, purchases: list[Purchase]) -> list[dict[str, Any]]:
    return damage.each(row, purchases)


def row(purchase: Purchase) -> dict[str, Any]:
    return {**orders.purchase_row(purchase), "customer_id": ids.show("cus", purchase.order.customer_id)}


def show(app: App, number: int) -> dict[str, Any]:
    """A purchase, what is decided about its next billing, and the transactions that name it. Raises NotFound."""
    with app.read() as session:
        purchase = listings.existing(session, Purchase, "pur", number)
        names_it = select(Transaction).where(Transaction.purchase_id == number).options(joinedload(Transaction.order))
        newest = session.scalars(names_it.order_by(Transaction.created_at.desc(), Transaction.id.desc()))
        return {
            **row(purchase),
            "next_billing": next_billing(session, purchase),
            "billing_day": purchase.billing_day,
            "final_cycle": purchase.final_cycle,
            "paused_until": purchase.paused_until,
            "cancel_after_billing": purchase.cancel_after_billing,
            "cancelled_at": purchase.cancelled_at,
            "cancel_reason": purchase.cancel_reason,
            "recycle_attempts": purchase.recycle_attempts,
            "created_at": purchase.created_at,
            "transactions": transactions.rows(session, list(newest)),
        }


def next_billing(session: Session, purchase: Purchase) -> dict[str, Any] | None:
    """What the next billing will be for; None if none is due. What was changed for it alone has its way."""
    if purchase.next_bill_on is None:
        return None
    point = session.get(PricePoint, purchase.next_price_point_id or purchase.price_point_id or 0)
    quantity, unit_price = next_terms(purchase)
    return {
        "on": purchase.next_bill_on.isoformat(),
        "cycle": purchase.cycle + 1,
        "option": point.option.code if point else None,
        "price_point": point.code if point else None,
        "quantity": quantity,
        "unit_price": to_decimal(unit_price, purchase.currency),
        "price": to_decimal(quantity * unit_price, purchase.currency),
    }


def next_terms(purchase: Purchase) -> tuple[int, int]:
    """Quantity and unit price (minor units) of the next billing."""
    quantity = purchase.quantity if purchase.next_quantity is None else purchase.next_quantity
    unit_price = purchase.unit_price if purchase.next_unit_price is None else purchase.next_unit_price
    return quantity, unit_price
