"""Write emails into the outbox, in the transaction of what they announce (domain rules, section 6).

They are rendered at delivery, so that a broken template cannot prevent the change.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.orm import Session

from csctl.domain.states import EmailKind, EmailState, Kind
from csctl.models import Email, NotifyEmail, Order, Purchase, QueueItem, Transaction
from csctl.services.emails import contexts
from csctl.services.emails.contexts import Context
from csctl.services.shared import added

if TYPE_CHECKING:
    from csctl.app import App


def announce(session: Session, app: App, transaction: Transaction) -> None:
    """Write the email about an approved refund or void; none if the customer has no address or it was switched off.

    Reads the order and its customer from the transaction, so that hundreds at once need no query each.
    """
    if transaction.send_email:
        about_transaction(session, app, transaction)


def about_transaction(session: Session, app: App, transaction: Transaction) -> Email | None:
    """The email that announces an approved refund or void; None if the customer has no address."""
    kind = EmailKind.VOID if transaction.kind is Kind.VOID else EmailKind.REFUND
    context = contexts.of_transaction(transaction, app.clock.now())
    return _to_customer(session, app, kind, transaction.order, context, transaction_id=transaction.id)


def welcome(session: Session, app: App, order: Order) -> Email | None:
    """The email that confirms an order; None if the customer has no address."""
    return _to_customer(session, app, EmailKind.WELCOME, order, contexts.of_order(order))


def refund_returned(session: Session, app: App, refund: Transaction, *, queued: bool) -> None:
    """Write the email about a refund that the bank returned, if the shop wants it. `queued`: it will be retried."""
    if refund.send_email and _is_on(app, EmailKind.REFUND_RETURNED):
        context = contexts.of_returned(refund, app.clock.now(), queued=queued)
        _to_customer(session, app, EmailKind.REFUND_RETURNED, refund.order, context, transaction_id=refund.id)


def billing_declined(session: Session, app: App, sale: Transaction, purchase: Purchase, again_on: date | None) -> None:
    """Write the email about a declined billing, if the shop wants it: it says whether the billing is retried."""
    kind = EmailKind.BILLING_DECLINED if again_on else EmailKind.BILLING_GIVEN_UP
    if _is_on(app, kind):
        context = contexts.of_billing(sale, purchase, again_on=again_on)
        _to_customer(session, app, kind, purchase.order, context, transaction_id=sale.id)


def purchase_cancelled(session: Session, app: App, purchase: Purchase) -> None:
    """Write the email about a cancelled subscription, if the shop wants it."""
    if purchase.interval and _is_on(app, EmailKind.PURCHASE_CANCELLED):
        context = contexts.of_cancelled(purchase, app.clock.today())
        _to_customer(session, app, EmailKind.PURCHASE_CANCELLED, purchase.order, context)


def _is_on(app: App, kind: EmailKind) -> bool:
    return kind.value in app.shop.emails


def announce_exhausted(
    session: Session, app: App, item: QueueItem, attempts: Sequence[Transaction], news: str = ""
) -> None:
    """Tell every Notify Email of a refund that was given up, or of other `news` of it. `attempts`: the first failure,
    then the retries.
    """
    context = contexts.of_exhausted(item, attempts, news)
    about = {"customer_id": item.customer_id, "order_id": item.order_id, "queue_item_id": item.id}
    for address in session.scalars(select(NotifyEmail.address).order_by(NotifyEmail.id)):
        _put(session, app, EmailKind.REFUND_EXHAUSTED, address, context, **about)


def _to_customer(
    session: Session, app: App, kind: EmailKind, order: Order, context: Context, **about: int | None
) -> Email | None:
    if not order.customer.email:
        return None
    about |= {"customer_id": order.customer_id, "order_id": order.id}
    return _put(session, app, kind, order.customer.email, context, **about)


def _put(
    session: Session, app: App, kind: EmailKind, recipient: str, context: Context, **about: int | None
) -> Email | None:
    message_id = _message_id(app)
    app.new_emails.append(message_id)
    return added.put(
        session,
        Email,
        kind=kind,
        recipient=recipient,
        message_id=message_id,
        context=context,
        state=EmailState.WAITING,
        attempts=0,
        created_at=app.clock.now(),
        **about,
    )


def _message_id(app: App) -> str:
    """One id for each event, the same for every delivery of it."""
    domain = (app.shop.mail_from or "").rpartition("@")[2] or "csctl.localhost"
    return f"<{secrets.token_hex(16)}@{domain.encode('idna').decode()}>"
