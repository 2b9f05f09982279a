"""Late approvals: attempts that csctl had closed as failed, because the gateway did not have them when it was asked.

The money has moved, so it is in the books from the moment that csctl learns of it. If it may have moved twice, a person
must check: `doctor` names the transaction until then.
"""

from __future__ import annotations

from datetime import datetime
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
from csctl.services.outcomes import answers
from csctl.services.outcomes import refund as queue_rules
from csctl.services.shared import audit, history

if TYPE_CHECKING:
    from csctl.app import App

NOT_LOOKED_AT: ColumnElement[bool] = Transaction.look_since.is_not(None)


def approve(attempt: Transaction, answer: Answer, now: datetime) -> None:
    """Close an attempt that had failed with its real outcome."""
    attempt.state = becomes(attempt.state, State.APPROVED)
    attempt.reason = attempt.lease_until = attempt.claim = None
    answers.keep(attempt, answer)
    attempt.finished_at = now


def return_money(attempt: Transaction, sale: Transaction, item: QueueItem | None, now: datetime) -> None:
    """Apply a void or refund that was approved late to its sale.

    It pays a queued refund, which is not sent again. In other cases the money may have been returned twice.
    """
    if attempt.kind is Kind.VOID:
        _void(attempt, sale, now)
        return
    attempt.settlement = Settlement.UNSETTLED
    if item is not None and item.state is ItemState.QUEUED:
        queue_rules.close(item, Operation.SUCCEED, now)
        sale.reserved -= item.amount
        add(sale, attempt.amount)
        return
    add(sale, attempt.amount)
    attempt.look_since = now


def _void(attempt: Transaction, sale: Transaction, now: datetime) -> None:
    if sale.refunded == sale.reserved == 0:
        sale.voided_at = now
    elif sale.voided_at is None:  # refunded since: the gateway has returned the money twice
        add(sale, attempt.amount)
        attempt.look_since = now


def add(sale: Transaction, amount: int) -> None:
    """Count money as returned; the part above the remaining amount of the sale counts as over-returned."""
    fits = min(amount, sale.amount - sale.refunded - sale.reserved)
    sale.refunded += fits
    sale.over_returned += amount - fits


def subtract(sale: Transaction, amount: int) -> None:
    """Count money as not returned after all: first of what was returned above the amount of the sale."""
    over = min(amount, sale.over_returned)
    sale.over_returned -= over
    sale.refunded -= amount - over


def note(session: Session, app: App, attempt: Transaction, fix: str) -> OutcomeUnknown:
    """Record a late approval in the history and the audit log. Returns the error for the result."""
    name = ids.show("txn", attempt.id)
    text = f"{name} was approved after it had been taken for failed"
    history.event(session, app, attempt.order.customer_id, text, order_id=attempt.order_id, transaction_id=attempt.id)
    audit.write(session, app, Outcome.UNKNOWN, target=name, amount=str(Money(attempt.amount, attempt.currency)))
    return OutcomeUnknown(text, fix=fix)


def looked_at(session: Session, app: App, attempt: Transaction) -> None:
    """Record that a person has checked it: `doctor` stops reporting it."""
    attempt.look_since = None
    name = ids.show("txn", attempt.id)
    text = f"{name}, which was approved late, was looked at"
    history.event(session, app, attempt.order.customer_id, text, order_id=attempt.order_id, transaction_id=attempt.id)
    audit.write(session, app, Outcome.UPDATED, target=name, amount=str(Money(attempt.amount, attempt.currency)))
