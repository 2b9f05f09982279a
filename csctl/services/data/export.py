"""Records as files: the same fields as an import has, oldest first, so that what others refer to comes before them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import select
from sqlalchemy.orm import aliased

from csctl.domain.record_kinds import KINDS
from csctl.models import (
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
from csctl.results import Cells, Tuples
from csctl.services.data.selection import Selection
from csctl.services.shared.exported_ids import mark_of

if TYPE_CHECKING:
    from csctl.app import App

_BATCH = 2000


@dataclass(frozen=True)
class _Export:
    """The records of a kind, in the first column of the statement; in the others those that they refer to.

    `others` says of each what the record has it for: the foreign key; None where its own fields are part of the row.
    """

    statement: Any
    others: tuple[str | None, ...] = ()

    def selection(self, names: tuple[str, ...], mark: str, *, as_text: bool) -> Selection:
        record, *others = (one["entity"] for one in self.statement.column_descriptions)
        known = list(zip(self.others, others, strict=True))
        parts = [record, *(other for key, other in known if key is None)]
        return Selection(names, parts, {key: other for key, other in known if key}, mark, as_text=as_text)


def run(app: App, kind: str, *, with_tokens: bool = False, as_text: bool = False) -> Tuples:
    """The records of a kind, as rows with the fields of its import, streamed.

    A record that has no external id gets one that only this database takes for its own. The gateways' tokens are
    left empty unless `with_tokens`. `as_text`: times and marks are the texts that a file has.
    """
    export, names = _EXPORTS[kind], KINDS[kind].fields
    with app.read() as session:
        selection = export.selection(names, mark_of(session), as_text=as_text)
    if "token" in names and not with_tokens:
        selection.leave_out("token")
    return Tuples(names, _parts(app, export, selection))


def _parts(app: App, export: _Export, selection: Selection) -> Iterator[list[Cells]]:
    number, last = selection.columns[0], 0
    statement = export.statement.with_only_columns(*selection.columns, maintain_column_froms=True)
    while True:
        with app.read() as session:
            # The connection's own rows: those of the session take as long again to make.
            following = statement.where(number > last).order_by(number).limit(_BATCH)
            found = session.connection().execute(following).all()
        yield selection.rows(found)
        if len(found) < _BATCH:
            return
        last = found[-1][0]


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
