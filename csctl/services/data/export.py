"""Records as files: the same fields as an import has, oldest first, so that what others refer to comes before them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, aliased

from csctl.domain import fields
from csctl.domain.field_uses import Field, Use
from csctl.domain.fields import RECORDS
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
    QueueItem,
    Transaction,
)
from csctl.services.data.importing.context import exported_id, mark_of
from csctl.services.shared import damage, field_values

if TYPE_CHECKING:
    from csctl.app import App

_BATCH = 500
_Row = dict[str, Any]


@dataclass(frozen=True)
class _Export:
    """The records of a kind, in the first column of the statement; in the others those that they refer to.

    `others` says of each what the record has it for: the foreign key; None where its own fields are part of the row.
    """

    statement: Any
    others: tuple[str | None, ...] = ()


def run(app: App, kind: str, *, with_tokens: bool = False) -> Iterator[_Row]:
    """The records of a kind, as rows with the fields of its import, streamed.

    A record that has no external id gets one that only this database takes for its own. The gateways' tokens are
    left empty unless `with_tokens`.
    """
    export = _EXPORTS[kind]
    last = 0
    while True:
        with app.read() as session:
            mark = mark_of(session)
            found = _next(session, export.statement, last)
            rows = [{"_id": record.id, **_row(export, mark, record, *others)} for record, *others in found]
        for row in rows:
            last = row.pop("_id")
            if kind == "payment-methods" and not with_tokens:
                row["token"] = None
            yield row if "damaged" in row else {name: row.get(name) for name in KINDS[kind].fields}
        if len(rows) < _BATCH:
            return


def _next(session: Session, statement: Select[Any], last: int) -> list[Any]:
    number = statement.column_descriptions[0]["entity"].id
    return list(session.execute(statement.where(number > last).order_by(number).limit(_BATCH)).all())


def _row(export: _Export, mark: str, record: Base, *others: Base | None) -> _Row:
    referred = {key: other for key, other in zip(export.others, others, strict=True) if key}
    parts = [other for key, other in zip(export.others, others, strict=True) if key is None and other is not None]
    try:
        return {
            field.file: _cell(one, field, referred, mark)
            for one in (record, *parts)
            for field in fields.of(one.__tablename__, Use.FILE)
        }
    except damage.ERRORS as error:
        return damage.row_of(record, error)


def _cell(record: Base, field: Field, referred: Mapping[str, Base | None], mark: str) -> Any:
    if field.name == "external_id":
        return _external_id(record, mark)
    if field.name not in referred:
        return field_values.value(record, field)
    other = referred[field.name]
    return other.code if isinstance(other, PricePoint) else other and _external_id(other, mark)


def _external_id(record: Base, mark: str) -> str:
    return exported_id(record, RECORDS[record.__tablename__].prefix or "", mark)


_parent = aliased(Transaction)
_next_price = aliased(PricePoint)
_EXPORTS = {
    "customers": _Export(select(Customer).where(Customer.merged_into_id.is_(None))),
    "payment-methods": _Export(
        select(PaymentMethod, Customer).join(Customer, PaymentMethod.customer_id == Customer.id), ("customer_id",)
    ),
    "products": _Export(
        select(PricePoint, ProductOption, Product)
        .join(ProductOption, PricePoint.option_id == ProductOption.id)
        .join(Product, ProductOption.product_id == Product.id),
        (None, None),
    ),
    "orders": _Export(select(Order, Customer).join(Customer, Order.customer_id == Customer.id), ("customer_id",)),
    "purchases": _Export(
        select(Purchase, Order, PricePoint, _next_price, PaymentMethod)
        .join(Order, Purchase.order_id == Order.id)
        .outerjoin(PricePoint, Purchase.price_point_id == PricePoint.id)
        .outerjoin(_next_price, Purchase.next_price_point_id == _next_price.id)
        .outerjoin(PaymentMethod, Purchase.payment_method_id == PaymentMethod.id),
        ("order_id", "price_point_id", "next_price_point_id", "payment_method_id"),
    ),
    "transactions": _Export(
        select(Transaction, Order, Purchase, PaymentMethod, _parent)
        .join(Order, Transaction.order_id == Order.id)
        .outerjoin(Purchase, Transaction.purchase_id == Purchase.id)
        .outerjoin(PaymentMethod, Transaction.payment_method_id == PaymentMethod.id)
        .outerjoin(_parent, Transaction.parent_id == _parent.id),
        ("order_id", "purchase_id", "payment_method_id", "parent_id"),
    ),
    "fulfillments": _Export(select(Fulfillment, Order).join(Order, Fulfillment.order_id == Order.id), ("order_id",)),
    "queue": _Export(
        select(QueueItem, Transaction).join(Transaction, QueueItem.sale_id == Transaction.id), ("sale_id",)
    ),
}
