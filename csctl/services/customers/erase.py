"""Erase the personal data of a customer; the books stay.

`domain/fields.py` says what happens to each field. Kept are orders, purchases, amounts, transactions, shipments, the
country of each order (taxes depend on it), the audit log, which has no personal details, and the blacklist.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from csctl import database
from csctl.domain import fields, ids
from csctl.domain.field_uses import Erase, Use
from csctl.domain.ids import Ref
from csctl.domain.outcomes import Outcome
from csctl.domain.personal import ERASED, Details
from csctl.domain.states import NOT_OVER, OPEN_ITEMS, OPEN_STATES, EmailKind, EmailState, HistoryKind
from csctl.errors import Busy, Conflict
from csctl.models import (
    Approval,
    ApprovalDecision,
    Base,
    Customer,
    Email,
    HistoryEntry,
    Order,
    PaymentMethod,
    Purchase,
    QueueItem,
    Transaction,
)
from csctl.results import Result
from csctl.services.customers import erase_runs as run_erasing
from csctl.services.customers.lookup import live
from csctl.services.shared import audit, bulk, field_values, history

if TYPE_CHECKING:
    from csctl.app import App


def erase(app: App, refs: Iterable[Ref], *, dry_run: bool, fail_fast: bool = False) -> Iterator[Result]:
    """Replace all personal data of customers, and of those who were merged into them. It cannot be undone."""

    def change(session: Session, ref: Ref) -> Result:
        customer = live(session, ref.id)
        people = [customer, *session.scalars(select(Customer).where(Customer.merged_into_id == customer.id))]
        orders = _locked_orders(session, [person.id for person in people])
        _refuse_unfinished(session, customer, [order.id for order in orders])
        _refuse_mail_under_way(session, app.clock.now(), people, orders)
        _erase(session, people, orders, app.clock.now())
        name = ids.show("cus", customer.id)
        history.event(session, app, customer.id, "personal data erased")
        audit.write(session, app, Outcome.REMOVED, target=name, customers=[ids.show("cus", one.id) for one in people])
        return Result(ref.given, Outcome.REMOVED, "personal data erased; the books are kept")

    yield from bulk.each(app, refs, change, dry_run=dry_run, fail_fast=fail_fast)
    if not dry_run:
        database.forget(app.engine)


def _locked_orders(session: Session, customers: Sequence[int]) -> Sequence[Order]:
    """Their orders, and all records that could begin a charge or a refund, locked until the end."""
    of_them = Order.customer_id.in_(customers)
    orders = session.scalars(select(Order).where(of_them).order_by(Order.id).with_for_update(key_share=True)).all()
    numbers = [order.id for order in orders]
    for model in (Purchase, Transaction):
        session.execute(
            select(model.id).where(model.order_id.in_(numbers)).order_by(model.id).with_for_update(key_share=True)
        )
    return orders


def _refuse_unfinished(session: Session, customer: Customer, orders: Sequence[int]) -> None:
    """Raises Conflict while a purchase is not over, or money is on its way."""
    purchase = session.scalar(
        select(Purchase.id).where(Purchase.order_id.in_(orders), Purchase.status.in_(NOT_OVER)).order_by(Purchase.id)
    )
    under_way = session.scalar(
        select(Transaction.id).where(Transaction.order_id.in_(orders), Transaction.state.in_(OPEN_STATES))
    )
    queued = session.scalar(select(QueueItem.id).where(QueueItem.order_id.in_(orders), QueueItem.state.in_(OPEN_ITEMS)))
    reasons = (
        ("pur", purchase, "is not over", "csctl purchase cancel {0}"),
        ("txn", under_way, "is under way", "csctl txn reconcile {0}"),
        ("rfq", queued, "is in the refund queue", "csctl queue show {0}"),
    )
    for prefix, number, why, fix in reasons:
        if number is not None:
            record = ids.show(prefix, number)
            raise Conflict(
                f"{ids.show('cus', customer.id)} cannot be erased yet", cause=f"{record} {why}", fix=fix.format(record)
            )


def _refuse_mail_under_way(
    session: Session, now: datetime, people: Sequence[Customer], orders: Sequence[Order]
) -> None:
    """Raises Busy while a mail server has one of their emails, Conflict while a message to the staff still waits."""
    for email in session.scalars(select(Email).where(_emails_of(people, orders))):
        name = ids.show("eml", email.id)
        if email.state is EmailState.SENDING and email.lease_until and email.lease_until > now:
            raise Busy("an email to them is being sent right now", cause=name, fix="run it again in a minute")
        if email.kind is EmailKind.REFUND_EXHAUSTED and email.state.open:
            raise Conflict(
                "the email about an exhausted refund of this customer is not sent yet",
                cause=f"{name} waits in the outbox, and contains the name",
                fix=f"csctl email send {name}",
            )


def _emails_of(people: Sequence[Customer], orders: Sequence[Order]) -> ColumnElement[bool]:
    return or_(
        Email.customer_id.in_([person.id for person in people]), Email.order_id.in_([order.id for order in orders])
    )


def _erase(session: Session, people: Sequence[Customer], orders: Sequence[Order], now: datetime) -> None:
    known = _details(session, people, orders)
    numbers = [order.id for order in orders]
    for record in _around(session, people, numbers):
        _erase_fields(record, known)
    for entry in session.scalars(select(HistoryEntry).where(HistoryEntry.customer_id.in_([one.id for one in people]))):
        own_words = entry.kind is HistoryKind.EVENT and not known.named_in(entry.text)
        _erase_fields(entry, known, kept=("text",) if own_words else ())
    for email in session.scalars(select(Email).where(_emails_of(people, orders))):
        _erase_email(email, known)
    run_erasing.blank(session, people, numbers, known)
    for order in orders:
        _erase_fields(order, known)
    for person in people:
        _erase_fields(person, known)
        person.first_name = ERASED.title()
        person.erased_at = person.updated_at = now


def _details(session: Session, people: Sequence[Customer], orders: Sequence[Order]) -> Details:
    """What identifies them: their details, where their parcels went, and the addresses to which they were written."""
    theirs = _emails_of(people, orders) & (Email.kind != EmailKind.REFUND_EXHAUSTED)
    texts = [*session.scalars(select(Email.recipient).where(theirs).distinct())]
    for record in (*people, *orders):
        names = fields.of(record.__tablename__, Use.NAMES)
        texts += [field_values.get(record, field) for field in names if field.name != "phone"]
    return Details.of(texts, [person.phone for person in people])


def _around(session: Session, people: Sequence[Customer], orders: Sequence[int]) -> Iterator[Base]:
    """Their cards, and the records of their orders that have personal fields."""
    approvals = select(Approval.id).join(Approval.sale).where(Transaction.order_id.in_(orders))
    yield from session.scalars(select(PaymentMethod).where(PaymentMethod.customer_id.in_([one.id for one in people])))
    for model in (Purchase, Transaction, QueueItem):
        yield from session.scalars(select(model).where(model.order_id.in_(orders)))
    yield from session.scalars(select(Approval).where(Approval.id.in_(approvals)))
    yield from session.scalars(select(ApprovalDecision).where(ApprovalDecision.approval_id.in_(approvals)))


def _erase_fields(record: Base, known: Details, *, kept: Sequence[str] = ()) -> None:
    for field in fields.personal(record.__tablename__):
        value = field_values.get(record, field)
        if value is None or field.name in kept:
            continue
        named = known.named_in(value) if field.erase in (Erase.IF_NAMED, Erase.EMPTY_IF_NAMED) else True
        if field.erase is Erase.EMPTY_IF_NAMED:
            named = named or "@" in value  # an id in another system does not identify a person, an email does
        if named:
            field_values.put(record, field, ERASED if field.erase in (Erase.REPLACE, Erase.IF_NAMED) else None)


def _erase_email(email: Email, known: Details) -> None:
    """Erase an email, and do not send one that waits. The staff's own address stays in theirs."""
    _erase_fields(email, known, kept=("context", *(["recipient"] if email.kind is EmailKind.REFUND_EXHAUSTED else [])))
    if email.state.open:
        email.state = EmailState.FAILED
    email.context = {}
    email.subject = email.text = ERASED
    email.error = ERASED if email.state is EmailState.FAILED else None
