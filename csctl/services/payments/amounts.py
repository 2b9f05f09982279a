"""Booking what a gateway did, where it is another amount than was asked for (`txn reconcile TXN --as approved`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from csctl.domain import ids
from csctl.domain.money import Money, to_minor
from csctl.domain.reasons import Reason
from csctl.domain.refund_queue import Operation
from csctl.domain.retries import POLICY
from csctl.domain.states import Kind
from csctl.errors import Conflict, Usage
from csctl.models import QueueItem, Transaction
from csctl.services.outcomes import refund as queue_rules
from csctl.services.payments.jobs import Turn
from csctl.services.shared import history

if TYPE_CHECKING:
    from csctl.app import App


def correct(turn: Turn, app: App, attempt: Transaction, amount: str) -> None:
    """Make an attempt one of `amount` (a decimal string). The rest of a refund remains of the sale, or of the queue.

    Raises Usage for an amount that is not valid, Conflict for one that the sale or the attempt does not allow.
    """
    done, asked = to_minor(amount, attempt.currency), attempt.amount
    name, money = ids.show("txn", attempt.id), Money(done, attempt.currency)
    if done <= 0:
        raise Usage(f"an amount of {amount} was not moved", fix="--as failed, if nothing was")
    if attempt.reason != Reason.MISMATCH or attempt.kind is Kind.VOID:
        raise Conflict(
            f"the gateway has reported no other amount of {name}",
            cause="--amount is for what it did where it was asked for something else",
            fix=f"csctl txn reconcile {name}",
        )
    if attempt.kind is Kind.REFUND:
        _correct_refund(turn, app, attempt, asked, done)
    attempt.amount = done
    said = f"{name}: the gateway did {money}, and {Money(asked, attempt.currency)} was asked for"
    history.event(turn.session, app, attempt.order.customer_id, said, attempt.order_id, attempt.id)


def _correct_refund(turn: Turn, app: App, attempt: Transaction, asked: int, done: int) -> None:
    sale = turn.session.get_one(Transaction, attempt.parent_id)
    if done > asked and done - asked > sale.amount - sale.refunded - sale.reserved:
        left = Money(sale.amount - sale.refunded - sale.reserved + asked, sale.currency)
        raise Conflict(
            f"{Money(done, sale.currency)} is more than the remaining amount of {ids.show('txn', sale.id)}",
            cause=f"{left} remains",
            fix=f"csctl txn show {ids.show('txn', sale.id)}",
        )
    item = turn.session.get(QueueItem, attempt.queue_item_id) if attempt.queue_item_id else None
    if item is None or done >= asked:
        sale.reserved += done - asked
        if item:
            item.amount = done
        return
    # The item continues with the rest; this attempt is separate from now on.
    item.amount -= done
    item.next_attempt_on = POLICY.next_day(app.clock.today())
    queue_rules.move(item, Operation.WAIT)
    attempt.queue_item_id = attempt.attempt_on = None
