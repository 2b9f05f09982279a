"""All data about a person as one document: for requests under data protection law."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from csctl.domain import ids
from csctl.domain.field_uses import Use
from csctl.domain.fields import RECORDS
from csctl.models import (
    AuditRow,
    Base,
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
from csctl.results import Row
from csctl.services.blacklist import matching as blacklist
from csctl.services.customers import lookup
from csctl.services.shared import field_values
from csctl.services.shared.chunks import chunks

if TYPE_CHECKING:
    from csctl.app import App


def document(app: App, who: str) -> Row:
    """All data about a customer, and about those who were merged into them. Raises NotFound or Conflict."""
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


def _trail(session: Session, customer: Customer, rows: dict[str, list[Row]]) -> list[Row]:
    """The rows of the audit log about the person or one of their records."""
    named = [ids.show("cus", customer.id), *(row["id"] for records in rows.values() for row in records)]
    found: list[AuditRow] = []
    for some in chunks(named):
        found += session.scalars(select(AuditRow).where(AuditRow.target.in_(some)))
    return [_plain(row) for row in sorted(found, key=lambda row: row.id)]


def _plain(record: Base) -> Row:
    """A record with all its fields by their own names, except internal ones."""
    fields = RECORDS[record.__tablename__].fields
    return {field.name: field_values.value(record, field) for field in fields if not field.uses & Use.INTERNAL}
