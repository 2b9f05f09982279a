"""Approvals of attempts that csctl had taken for failed: the gateway did not know them when it was asked.

The money has moved, whatever csctl believed, so it is in the books from the moment that csctl hears of it. Where it
may have moved twice, a person must look: `doctor` names the transaction until somebody has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement
from sqlalchemy.orm import Session

from csctl.domain import ids
from csctl.domain.attempts import becomes
from csctl.domain.money import Money
from csctl.domain.outcomes import Outcome
from csctl.domain.refund_queue import Operation
from csctl.domain.states import ItemState, Kind, Settlement, State
from csctl.errors import OutcomeUnknown
from csctl.gateways.operations import Answer
from csctl.models import QueueItem, Transaction
from csctl.services.outcomes import refund as queue_rules
from csctl.services.shared import audit, history

if TYPE_CHECKING:
    from csctl.app import App

NOT_LOOKED_AT: ColumnElement[bool] = Transaction.look_since.is_not(None)


def approve(app: App, attempt: Transaction, answer: Answer) -> None:
    """Close an attempt that was taken for failed as what it is."""
    attempt.state = becomes(attempt.state, State.APPROVED)
    attempt.reason = attempt.lease_until = attempt.claim = None
    attempt.message = answer.message
    attempt.gateway_ref = answer.reference or attempt.gateway_ref
    attempt.finished_at = app.clock.now()


def return_money(app: App, attempt: Transaction, sale: Transaction, item: QueueItem | None) -> None:
    """Put a void or refund that was approved late into the books of its sale.

    A queued refund is paid by it, and is not sent again. Anything else may have been paid twice.
    """
    if attempt.kind is Kind.VOID:
        _void(app, attempt, sale)
        return
    attempt.settlement = Settlement.UNSETTLED
    if item is not None and item.state is ItemState.QUEUED:
        queue_rules.close(app, item, Operation.SUCCEED)
        sale.reserved -= item.amount
        _add(sale, attempt.amount)
        return
    _add(sale, attempt.amount)
    attempt.look_since = app.clock.now()


def _void(app: App, attempt: Transaction, sale: Transaction) -> None:
    if sale.refunded == sale.reserved == 0:
        sale.voided_at = app.clock.now()
    elif sale.voided_at is None:  # refunded since: the gateway has given the money back twice
        _add(sale, attempt.amount)
        attempt.look_since = app.clock.now()


def _add(sale: Transaction, amount: int) -> None:
    """Count money as returned; what is more than remains of the sale counts as returned beyond it."""
    fits = min(amount, sale.amount - sale.refunded - sale.reserved)
    sale.refunded += fits
    sale.over_returned += amount - fits


def note(session: Session, app: App, attempt: Transaction, fix: str) -> OutcomeUnknown:
    """Tell of a late approval in the history and the audit log. Returns the error for whoever brought it."""
    name = ids.show("txn", attempt.id)
    text = f"{name} was approved after it had been taken for failed"
    history.event(session, app, attempt.order.customer_id, text, order_id=attempt.order_id, transaction_id=attempt.id)
    audit.write(session, app, Outcome.UNKNOWN, target=name, amount=str(Money(attempt.amount, attempt.currency)))
    return OutcomeUnknown(text, fix=fix)


def looked_at(session: Session, app: App, attempt: Transaction) -> None:
    """A person has looked: `doctor` is content."""
    attempt.look_since = None
    name = ids.show("txn", attempt.id)
    text = f"{name}, which was approved late, was looked at"
    history.event(session, app, attempt.order.customer_id, text, order_id=attempt.order_id, transaction_id=attempt.id)
    audit.write(session, app, Outcome.UPDATED, target=name, amount=str(Money(attempt.amount, attempt.currency)))
