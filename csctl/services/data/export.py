"""Records as files: the same fields as an import has, oldest first, so that what others refer to comes before them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, aliased

from csctl.domain.addresses import Address
from csctl.domain.customer_fields import ADDRESSES
from csctl.domain.money import to_decimal
from csctl.domain.record_kinds import KINDS
from csctl.models import (
    Base,
    Customer,
    Fulfillment,
    Order,
    PaymentMethod,
    PricePoint,
    Product,
    ProductOption,
    Purchase,
    Transaction,
)
from csctl.services.data.importing.context import exported_id, mark_of
from csctl.services.shared import damage

if TYPE_CHECKING:
    from csctl.app import App

_BATCH = 500
_Row = dict[str, Any]


def run(app: App, kind: str, *, with_tokens: bool = False) -> Iterator[_Row]:
    """The records of a kind, as rows with the fields of its import, streamed.

    A record that has no external id gets one that only this database takes for its own. The gateways' tokens are
    left empty unless `with_tokens`.
    """
    statement, row_of = _EXPORTS[kind]
    fields = KINDS[kind].fields
    last = 0
    while True:
        with app.read() as session:
            mark = mark_of(session)
            found = _next(session, statement, last)
            rows = [{"_id": record.id, **_row(row_of, mark, record, *more)} for record, *more in found]
        for row in rows:
            last = row.pop("_id")
            if kind == "payment-methods" and not with_tokens:
                row["token"] = None
            yield row if "damaged" in row else {name: row.get(name) for name in fields}
        if len(rows) < _BATCH:
            return


def _row(row_of: Callable[..., _Row], mark: str, record: Base, *more: Base | None) -> _Row:
    try:
        return row_of(record, *more, mark)
    except damage.ERRORS as error:
        return damage.row_of(record, error)


def _next(session: Session, statement: Select[Any], last: int) -> list[Any]:
    number = statement.column_descriptions[0]["entity"].id
    return list(session.execute(statement.where(number > last).order_by(number).limit(_BATCH)).all())


def _customer(customer: Customer, mark: str) -> _Row:
    addresses = {
        f"{kind}_{field}": text
        for kind in ADDRESSES
        for field, text in (getattr(customer, kind) or Address()).as_dict().items()
    }
    plain = ("first_name", "last_name", "email", "phone", "ip", "created_at")
    return {
        "external_id": exported_id(customer, "cus", mark),
        **{name: getattr(customer, name) for name in plain},
        **addresses,
    }


def _payment_method(method: PaymentMethod, customer: Customer, mark: str) -> _Row:
    plain = ("gateway", "token", "brand", "bin", "last4", "exp_month", "exp_year")
    return {
        "external_id": exported_id(method, "pm", mark),
        "customer": exported_id(customer, "cus", mark),
        **{name: getattr(method, name) for name in plain},
        "default": method.is_default,
    }


def _price(price: PricePoint, option: ProductOption, product: Product, _mark: str) -> _Row:
    return {
        "sku": product.sku,
        "name": product.name,
        "option": option.code,
        "option_name": option.name,
        "price": price.code,
        "amount": to_decimal(price.amount, price.currency),
        "currency": price.currency,
        "interval": price.interval,
        "trial_days": price.trial_days,
        "trial_amount": None if price.trial_amount is None else to_decimal(price.trial_amount, price.currency),
        "final_cycle": price.final_cycle,
    }


def _order(order: Order, customer: Customer, mark: str) -> _Row:
    shipping = order.shipping or Address()
    return {
        "external_id": exported_id(order, "ord", mark),
        "customer": exported_id(customer, "cus", mark),
        "currency": order.currency,
        "status": order.status.value,
        "placed_at": order.placed_at,
        **{f"shipping_{field}": text for field, text in shipping.as_dict().items()},
    }


def _purchase(purchase: Purchase, order: Order, price: PricePoint | None, mark: str) -> _Row:
    return {
        "external_id": exported_id(purchase, "pur", mark),
        "order": exported_id(order, "ord", mark),
        "price": price.code if price else None,
        "description": purchase.description,
        "quantity": purchase.quantity,
        "unit_price": to_decimal(purchase.unit_price, purchase.currency),
        "status": purchase.status.value,
        "cycle": purchase.cycle,
        "trial_ends_on": purchase.trial_ends_on,
        "next_bill_on": purchase.next_bill_on,
    }


def _transaction(
    txn: Transaction,
    order: Order,
    purchase: Purchase | None,
    method: PaymentMethod | None,
    parent: Transaction | None,
    mark: str,
) -> _Row:
    return {
        "external_id": exported_id(txn, "txn", mark),
        "order": exported_id(order, "ord", mark),
        "purchase": exported_id(purchase, "pur", mark) if purchase else None,
        "payment_method": exported_id(method, "pm", mark) if method else None,
        "kind": txn.kind.value,
        "state": txn.state.value,
        "amount": to_decimal(txn.amount, txn.currency),
        "currency": txn.currency,
        "gateway": txn.gateway,
        "gateway_ref": txn.gateway_ref,
        "parent": exported_id(parent, "txn", mark) if parent else None,
        "settlement": txn.settlement.value if txn.settlement else None,
        "settled_at": txn.settled_at,
        "created_at": txn.created_at,
    }


def _fulfillment(fulfillment: Fulfillment, order: Order, mark: str) -> _Row:
    return {
        "external_id": exported_id(fulfillment, "ful", mark),
        "order": exported_id(order, "ord", mark),
        "status": fulfillment.status.value,
        "carrier": fulfillment.carrier,
        "tracking": fulfillment.tracking,
        "shipped_at": fulfillment.shipped_at,
    }


_parent = aliased(Transaction)
_EXPORTS: dict[str, tuple[Any, Callable[..., _Row]]] = {
    "customers": (select(Customer).where(Customer.merged_into_id.is_(None)), _customer),
    "payment-methods": (
        select(PaymentMethod, Customer).join(Customer, PaymentMethod.customer_id == Customer.id),
        _payment_method,
    ),
    "products": (
        select(PricePoint, ProductOption, Product)
        .join(ProductOption, PricePoint.option_id == ProductOption.id)
        .join(Product, ProductOption.product_id == Product.id),
        _price,
    ),
    "orders": (select(Order, Customer).join(Customer, Order.customer_id == Customer.id), _order),
    "purchases": (
        select(Purchase, Order, PricePoint)
        .join(Order, Purchase.order_id == Order.id)
        .outerjoin(PricePoint, Purchase.price_point_id == PricePoint.id),
        _purchase,
    ),
    "transactions": (
        select(Transaction, Order, Purchase, PaymentMethod, _parent)
        .join(Order, Transaction.order_id == Order.id)
        .outerjoin(Purchase, Transaction.purchase_id == Purchase.id)
        .outerjoin(PaymentMethod, Transaction.payment_method_id == PaymentMethod.id)
        .outerjoin(_parent, Transaction.parent_id == _parent.id),
        _transaction,
    ),
    "fulfillments": (select(Fulfillment, Order).join(Order, Fulfillment.order_id == Order.id), _fulfillment),
}
