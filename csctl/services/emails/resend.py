"""Send an email again: a new email about the same event, recorded in the customer's history (domain
rules, section 6).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from csctl.domain import ids
from csctl.domain.ids import Ref
from csctl.domain.outcomes import Outcome
from csctl.domain.states import EmailKind, Kind, Outside, State
from csctl.errors import Conflict, Usage
from csctl.models import Email, Order, Transaction
from csctl.results import Result
from csctl.services.emails import announce as emails
from csctl.services.emails.delivery import Delivery
from csctl.services.shared import audit, bulk, history, listing

if TYPE_CHECKING:
    from csctl.app import App

_ANNOUNCED = {EmailKind.REFUND: Kind.REFUND, EmailKind.VOID: Kind.VOID}


def of_transactions(
    app: App, refs: Iterable[Ref], *, dry_run: bool = False, fail_fast: bool = False
) -> Iterator[Result]:
    """Send the refund or void email of each transaction again; for a sale, that of its newest refund or void.

    Refused with a Conflict if there is nothing to announce, or the customer has no address.
    """

    def again(session: Session, ref: Ref) -> Result:
        transaction = announced(session, ref)
        email = emails.about_transaction(session, app, transaction)
        return _written(session, app, ref, transaction.order, email)

    return _delivered(app, refs, again, dry_run=dry_run, fail_fast=fail_fast)


def of_orders(
    app: App, refs: Iterable[Ref], kind: EmailKind, *, dry_run: bool = False, fail_fast: bool = False
) -> Iterator[Result]:
    """Send the welcome email of each order again, or the email of its newest refund or void. Refused as above."""

    def again(session: Session, ref: Ref) -> Result:
        if kind is EmailKind.WELCOME:
            order = welcomed(session, ref)
            return _written(session, app, ref, order, emails.welcome(session, app, order))
        transaction = newest_of_order(session, ref, kind)
        email = emails.about_transaction(session, app, transaction)
        return _written(session, app, ref, transaction.order, email)

    return _delivered(app, refs, again, dry_run=dry_run, fail_fast=fail_fast)


# -- the event to announce


def welcomed(session: Session, ref: Ref) -> Order:
    """An order whose checkout succeeded. Raises NotFound, or Conflict."""
    order = listing.existing(session, Order, "ord", ref.id)
    if not order.status.confirmed:
        raise Conflict(
            f"{ids.show('ord', order.id)} is {order.status.value}, so there is no welcome email",
            fix=f"csctl order show {ids.show('ord', order.id)}",
        )
    return order


def announced(session: Session, ref: Ref, kind: EmailKind | None = None) -> Transaction:
    """The transaction if it is an approved refund or void, or the newest one of a sale. Raises
    NotFound, or Conflict.
    """
    shown = ids.show("txn", ref.id)
    transaction = listing.existing(session, Transaction, "txn", ref.id)
    if transaction.kind in _ANNOUNCED.values():
        if transaction.outside is Outside.CHARGEBACK:
            raise Conflict(f"{shown} is a chargeback, and those are not announced", fix=f"csctl txn show {shown}")
        if transaction.state is not State.APPROVED:
            raise Conflict(
                f"{shown} is {transaction.state.value}, and only an approved {transaction.kind.value} is announced",
                fix=f"csctl txn show {shown}",
            )
        if kind and transaction.kind is not _ANNOUNCED[kind]:
            raise Usage(f"{shown} is a {transaction.kind.value}", fix=f"csctl email preview {transaction.kind.value}")
        return transaction
    return _newest(session, Transaction.parent_id == ref.id, kind, shown)


def newest_of_order(session: Session, ref: Ref, kind: EmailKind) -> Transaction:
    """The newest approved refund or void of an order. Raises NotFound, or Conflict if there is none."""
    order = listing.existing(session, Order, "ord", ref.id)
    return _newest(session, Transaction.order_id == order.id, kind, ids.show("ord", order.id))


def _newest(session: Session, of: ColumnElement[bool], kind: EmailKind | None, shown: str) -> Transaction:
    kinds = [_ANNOUNCED[kind]] if kind else list(_ANNOUNCED.values())
    ours = or_(Transaction.outside.is_(None), Transaction.outside != Outside.CHARGEBACK)
    approved = select(Transaction).where(of, ours, Transaction.kind.in_(kinds), Transaction.state == State.APPROVED)
    found = session.scalar(approved.order_by(Transaction.created_at.desc(), Transaction.id.desc()).limit(1))
    if found is None:
        what = " or ".join(one.value for one in kinds)
        show = ids.PREFIXES[shown.partition("_")[0]][1]
        raise Conflict(f"{shown} has no approved {what}, so there is nothing to announce", fix=f"{show} {shown}")
    return found


# -- write and send


def _written(session: Session, app: App, ref: Ref, order: Order, email: Email | None) -> Result:
    if email is None:
        customer = ids.show("cus", order.customer_id)
        raise Conflict(f"{customer} has no email address", fix=f"csctl customer show {customer}")
    session.flush()
    number, kind = ids.show("eml", email.id), email.kind.value
    history.event(
        session,
        app,
        order.customer_id,
        f"{kind} email sent once more: {number}",
        order_id=order.id,
        transaction_id=email.transaction_id,
    )
    audit.write(session, app, Outcome.CREATED, target=number, kind=kind, again=ref.given)
    return Result(ref.given, Outcome.SENT, f"{kind} email to {email.recipient}", extra={"email_id": number})


def _delivered(
    app: App, refs: Iterable[Ref], again: Callable[[Session, Ref], Result], *, dry_run: bool, fail_fast: bool
) -> Iterator[Result]:
    """Deliver each email once it is committed, so that the result says whether it was sent or waits."""
    for result in bulk.each(app, refs, again, dry_run=dry_run, fail_fast=fail_fast):
        if dry_run:
            yield replace(result, extra={"email_id": None})  # the id was rolled back
        elif result.ok and not Delivery(app).deliver_new():
            yield replace(result, outcome=Outcome.PENDING, message=f"{result.message} waits in the outbox")
        else:
            yield result
