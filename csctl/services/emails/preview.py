"""Preview an email: of a sample, or of a record, sent or not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.orm import Session

from csctl.domain.ids import Ref
from csctl.domain.states import EmailKind
from csctl.errors import Usage
from csctl.models import QueueItem, Transaction
from csctl.results import Row
from csctl.services.emails import contexts
from csctl.services.emails import resend as resending
from csctl.services.shared import listing

if TYPE_CHECKING:
    from csctl.app import App

_CUSTOMER = {"name": "Jane Doe", "first_name": "Jane", "last_name": "Doe"}
_ORDER = {
    "id": "ord_12",
    "number": "1001",
    "placed_at": "2026-03-01T09:30:00Z",
    "total": {"amount": 4397, "currency": "USD"},
}
_MOVED = {"id": "txn_9", "amount": {"amount": 1999, "currency": "USD"}, "at": "2026-03-04T15:20:00Z", "outside": False}
_PURCHASE = {
    "name": "Coffee, dark roast",
    "quantity": 2,
    "unit_price": {"amount": 1999, "currency": "USD"},
    "price": {"amount": 3998, "currency": "USD"},
    "trial_price": None,
    "interval": "month",
    "trial_ends_on": None,
    "next_bill_on": "2026-03-15",
}
SAMPLES: dict[EmailKind, contexts.Context] = {
    EmailKind.REFUND: {"customer": _CUSTOMER, "order": _ORDER, "refund": _MOVED},
    EmailKind.REFUND_RETURNED: {"customer": _CUSTOMER, "order": _ORDER, "refund": {**_MOVED, "queued": True}},
    EmailKind.BILLING_DECLINED: {
        "customer": _CUSTOMER,
        "order": _ORDER,
        "purchase": _PURCHASE,
        "billing": {"amount": {"amount": 3998, "currency": "USD"}, "again_on": "2026-03-18"},
    },
    EmailKind.BILLING_GIVEN_UP: {
        "customer": _CUSTOMER,
        "order": _ORDER,
        "purchase": _PURCHASE,
        "billing": {"amount": {"amount": 3998, "currency": "USD"}, "again_on": None},
    },
    EmailKind.PURCHASE_CANCELLED: {
        "customer": _CUSTOMER,
        "order": _ORDER,
        "purchase": {**_PURCHASE, "cancelled_on": "2026-03-18"},
    },
    EmailKind.VOID: {"customer": _CUSTOMER, "order": _ORDER, "void": _MOVED},
    EmailKind.WELCOME: {
        "customer": _CUSTOMER,
        "order": {**_ORDER, "shipping": ["1 High Street", "97201 Portland OR", "US"]},
        "items": [
            {
                "name": "Coffee, dark roast",
                "quantity": 2,
                "unit_price": {"amount": 1999, "currency": "USD"},
                "price": {"amount": 3998, "currency": "USD"},
                "trial_price": {"amount": 0, "currency": "USD"},
                "interval": "month",
                "trial_ends_on": "2026-03-15",
                "next_bill_on": "2026-03-15",
            },
            {
                "name": "Coffee grinder",
                "quantity": 1,
                "unit_price": {"amount": 2899, "currency": "USD"},
                "price": {"amount": 2899, "currency": "USD"},
                "trial_price": None,
                "interval": None,
                "trial_ends_on": None,
                "next_bill_on": None,
            },
            {
                "name": "Filter papers",
                "quantity": 2,
                "unit_price": {"amount": 749, "currency": "USD"},
                "price": {"amount": 1498, "currency": "USD"},
                "trial_price": None,
                "interval": "14 days",
                "trial_ends_on": None,
                "next_bill_on": "2026-03-15",
            },
        ],
    },
    EmailKind.REFUND_EXHAUSTED: {
        "customer": {**_CUSTOMER, "id": "cus_7", "email": "jane@example.com"},
        "order": _ORDER,
        "refund": {"id": "rfq_3", "sale": "txn_5", "amount": {"amount": 1999, "currency": "USD"}},
        "attempts": [
            {
                "id": f"txn_{9 + day}",
                "at": f"2026-03-0{4 + day}T09:00:00Z",
                "state": "declined",
                "reason": "",
                "message": "Card account closed",
            }
            for day in range(4)
        ],
    },
}


def preview(app: App, kind: EmailKind, *, order: int | None = None, transaction: int | None = None) -> Row:
    """Subject, text and HTML of an email as it would be sent now.

    Raises Conflict for a record without anything to announce, Usage for a record of another kind, Misconfigured for a
    template that cannot be rendered.
    """
    with app.read() as session:
        context = _context(session, app, kind, order, transaction)
    said = app.mail.renderer.render(kind, context)
    return {"kind": kind.value, "subject": said.subject, "text": said.text, "html": said.html}


def _context(
    session: Session, app: App, kind: EmailKind, order: int | None, transaction: int | None
) -> contexts.Context:
    if order is None and transaction is None:
        return SAMPLES[kind]
    if kind is EmailKind.REFUND_EXHAUSTED and transaction is not None:
        return _exhausted(session, transaction)
    if kind is EmailKind.WELCOME and order is not None:
        return contexts.of_order(resending.welcomed(session, Ref(f"ord_{order}", order)))
    if kind in (EmailKind.REFUND, EmailKind.VOID):
        if transaction is not None:
            found = resending.announced(session, Ref(f"txn_{transaction}", transaction), kind)
        else:
            found = resending.newest_of_order(session, Ref(f"ord_{order}", order or 0), kind)
        return contexts.of_transaction(found, app.clock.now())
    raise Usage(
        f"a {kind.value} email is not about {'an order' if order is not None else 'a transaction'}",
        fix=f"csctl email preview {kind.value} {'--order ORD' if kind is EmailKind.WELCOME else '--txn TXN'}",
    )


def _exhausted(session: Session, number: int) -> contexts.Context:
    transaction = listing.existing(session, Transaction, "txn", number)
    item = session.get(QueueItem, transaction.queue_item_id) if transaction.queue_item_id else None
    item = item or session.scalar(select(QueueItem).where(QueueItem.sale_id == number).order_by(QueueItem.id.desc()))
    if item is None:
        raise Usage(f"txn_{number} was never in the refund queue", fix="csctl queue list --state any")
    attempts = select(Transaction).where((Transaction.queue_item_id == item.id) | (Transaction.id == item.origin_id))
    return contexts.of_exhausted(item, session.scalars(attempts.order_by(Transaction.id)).all())
