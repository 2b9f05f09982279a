"""All that is known of a person, as one document: what they may ask for, and what a colleague may hand over."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import inspect as mapping_of
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from csctl.domain import ids
from csctl.domain.money import to_decimal
from csctl.models import (
    AuditRow,
    Customer,
    Email,
    Fulfillment,
    HistoryEntry,
    Order,
    PaymentMethod,
    Purchase,
    QueueItem,
    Transaction,
)
from csctl.models.columns import Base
from csctl.services.blacklist import matching as blacklist
from csctl.services.customers import lookup

if TYPE_CHECKING:
    from csctl.app import App

# Records are given whole, so that a column which is added later is not forgotten. Left out is what is not of the
# person: secrets, copies that search looks at, and how csctl keeps its processes apart.
_LEFT_OUT = {
    "token",
    "key",
    "claim",
    "lease_until",
    "request_id",
    "html",
    "phone_digits",
    "folded_first_name",
    "folded_last_name",
    "folded_email",
    "folded_city",
    "folded_address",
}
_AMOUNTS = {"amount", "total", "price", "unit_price", "next_unit_price", "refunded", "reserved"}
_PREFIX = {
    "customers": "cus",
    "orders": "ord",
    "purchases": "pur",
    "transactions": "txn",
    "fulfillments": "ful",
    "refund_queue": "rfq",
    "emails": "eml",
    "blacklist": "bli",
    "operators": "opr",
    "payment_methods": "pm",
    "audit": "aud",
}


def document(app: App, who: str) -> dict[str, Any]:
    """Everything about a customer, and about those who were merged into them. Raises NotFound or Conflict."""
    with app.read() as session:
        customer = lookup.find(session, who)
        merged = list(session.scalars(select(Customer).where(Customer.merged_into_id == customer.id)))
        people = [customer.id, *(one.id for one in merged)]
        orders = list(session.scalars(select(Order).where(Order.customer_id.in_(people)).order_by(Order.id)))
        numbers = [order.id for order in orders]
        found: dict[str, Sequence[Base]] = {
            "merged": merged,
            "payment_methods": _of(session, PaymentMethod, PaymentMethod.customer_id.in_(people)),
            "orders": orders,
            "purchases": _of(session, Purchase, Purchase.order_id.in_(numbers)),
            "transactions": _of(session, Transaction, Transaction.order_id.in_(numbers)),
            "fulfillments": _of(session, Fulfillment, Fulfillment.order_id.in_(numbers)),
            "queue": _of(session, QueueItem, QueueItem.order_id.in_(numbers)),
            "history": _of(session, HistoryEntry, HistoryEntry.customer_id.in_(people)),
            "emails": _of(session, Email, or_(Email.customer_id.in_(people), Email.order_id.in_(numbers))),
            "blacklist": blacklist.matches(session, [customer], app.shop.country).get(customer.id, []),
        }
        rows = {name: [_plain(record) for record in records] for name, records in found.items()}
        return {**_plain(customer), "exported_at": app.clock.now(), **rows, "audit": _trail(session, customer, rows)}


def _of(session: Session, model: Any, condition: Any) -> list[Any]:
    return list(session.scalars(select(model).where(condition).order_by(model.id)))


def _trail(session: Session, customer: Customer, rows: dict[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """The rows of the audit trail about the person or one of their records."""
    named = [ids.show("cus", customer.id), *(row["id"] for records in rows.values() for row in records)]
    found: list[AuditRow] = []
    for start in range(0, len(named), 500):
        found += session.scalars(select(AuditRow).where(AuditRow.target.in_(named[start : start + 500])))
    return [_plain(row) for row in sorted(found, key=lambda row: row.id)]


def _plain(record: Base) -> dict[str, Any]:
    """A record as JSON has it: ids with their prefix, amounts as decimals of its currency."""
    currency = getattr(record, "currency", None)
    return {
        attribute.columns[0].name: _value(attribute.columns[0], getattr(record, attribute.key), currency)
        for attribute in mapping_of(type(record)).column_attrs
        if attribute.key not in _LEFT_OUT
    }


def _value(column: Any, value: Any, currency: str | None) -> Any:
    if value is None:
        return None
    target = next((key.column.table.name for key in column.foreign_keys), None)
    if column.primary_key:
        target = column.table.name
    if target in _PREFIX:
        return ids.show(_PREFIX[target], value)
    if column.name in _AMOUNTS and currency:
        return to_decimal(value, currency)
    return value
