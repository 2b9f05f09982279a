"""Erasing a person: what is known of them goes, the books stay.

Kept are orders, purchases, amounts, transactions, shipments, the country of each order (taxes are owed by it), the
audit trail, which never held personal details, and what the blacklist says of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from csctl import database
from csctl.domain import ids
from csctl.domain.addresses import Address
from csctl.domain.ids import Ref
from csctl.domain.outcomes import Outcome
from csctl.domain.personal import ERASED, Details
from csctl.domain.states import NOT_OVER, OPEN_ITEMS, OPEN_STATES, EmailKind, EmailState, HistoryKind
from csctl.errors import Busy, Conflict
from csctl.models import (
    Approval,
    ApprovalDecision,
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
from csctl.services.shared import audit, bulk, history

if TYPE_CHECKING:
    from csctl.app import App

# Texts beside the books. What people wrote is erased whatever it says: nobody knows all that tells of the person.
# What gateways and banks wrote is erased where it names them.
_REMARKS: tuple[tuple[Any, tuple[str, ...], tuple[str, ...]], ...] = (
    (Order, ("cancel_reason",), ()),
    (Purchase, ("cancel_reason",), ()),
    (Transaction, ("refund_reason",), ("reason", "message", "outside_reference")),
    (QueueItem, ("close_reason",), ("last_reason", "reference")),
)


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
    """Their orders, and with them all that could begin a charge or a refund, held until we are done."""
    of_them = Order.customer_id.in_(customers)
    orders = session.scalars(select(Order).where(of_them).order_by(Order.id).with_for_update(key_share=True)).all()
    numbers = [order.id for order in orders]
    for model in (Purchase, Transaction):
        session.execute(
            select(model.id).where(model.order_id.in_(numbers)).order_by(model.id).with_for_update(key_share=True)
        )
    return orders


def _refuse_unfinished(session: Session, customer: Customer, orders: Sequence[int]) -> None:
    """Raises Conflict while something is to be billed, or money is on its way."""
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
    """Raises Busy while a mail server has one of their emails, Conflict while staff still waits to be told."""
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
    numbers = [person.id for person in people]
    known = Details.of(people, _further(session, people, orders))
    for order in orders:
        order.billing, order.shipping = Address(country=order.billing.country), Address(country=order.shipping.country)
    for email in session.scalars(select(Email).where(_emails_of(people, orders))):
        _blank_email(email)
    for method in session.scalars(select(PaymentMethod).where(PaymentMethod.customer_id.in_(numbers))):
        _blank_card(method, known)
    for entry in session.scalars(select(HistoryEntry).where(HistoryEntry.customer_id.in_(numbers))):
        entry.reason = None
        if entry.kind is not HistoryKind.EVENT or known.named_in(entry.text):
            entry.text = ERASED
    _blank_remarks(session, [order.id for order in orders], known)
    run_erasing.blank(session, people, [order.id for order in orders], known)
    for person in people:
        _blank_person(person, known, now)


def _further(session: Session, people: Sequence[Customer], orders: Sequence[Order]) -> Iterator[str | None]:
    """Where their parcels went, and the addresses to which they were written: not all of it is theirs today."""
    for order in orders:
        yield from (order.billing.line1, order.shipping.line1)
    theirs = _emails_of(people, orders) & (Email.kind != EmailKind.REFUND_EXHAUSTED)
    yield from session.scalars(select(Email.recipient).where(theirs).distinct())


def _tells(known: Details, external_id: str | None) -> bool:
    """An id of another system tells nothing by itself, and lets an import see who was erased; an email as id does."""
    return "@" in (external_id or "") or known.named_in(external_id)


def _blank_person(person: Customer, known: Details, now: datetime) -> None:
    if _tells(known, person.external_id):
        person.external_id = None
    person.first_name, person.last_name = ERASED.title(), None
    person.email = person.phone = person.ip = None
    person.billing = person.shipping = Address()
    person.erased_at = person.updated_at = now


def _blank_card(method: PaymentMethod, known: Details) -> None:
    if _tells(known, method.external_id):
        method.external_id = None
    method.token = ERASED
    method.brand = method.bin = method.last4 = None
    method.exp_month = method.exp_year = None


def _blank_email(email: Email) -> None:
    """What waits is not sent any more. Whom of the staff an email went to stays."""
    if email.state.open:
        email.state = EmailState.FAILED
    if email.kind is not EmailKind.REFUND_EXHAUSTED:
        email.recipient = ERASED
    email.context = {}
    email.subject, email.text, email.html = ERASED, ERASED, None
    email.error = ERASED if email.state is EmailState.FAILED else None


def _blank_remarks(session: Session, orders: Sequence[int], known: Details) -> None:
    for model, by_people, by_others in _REMARKS:
        mine = model.id if model is Order else model.order_id
        for record in session.scalars(select(model).where(mine.in_(orders))):
            for field in (*by_people, *by_others):
                text = getattr(record, field)
                if text and (field in by_people or known.named_in(text)):
                    setattr(record, field, ERASED)
    _blank_approvals(session, orders)


def _blank_approvals(session: Session, orders: Sequence[int]) -> None:
    """What agents and administrators wrote about refunds of theirs."""
    theirs = select(Approval.id).join(Approval.sale).where(Transaction.order_id.in_(orders))
    for approval in session.scalars(select(Approval).where(Approval.id.in_(theirs), Approval.reason.is_not(None))):
        approval.reason = ERASED
    said = ApprovalDecision.approval_id.in_(theirs) & ApprovalDecision.reason.is_not(None)
    for decision in session.scalars(select(ApprovalDecision).where(said)):
        decision.reason = ERASED
