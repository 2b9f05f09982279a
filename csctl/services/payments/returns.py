"""What the outcome of a void or refund does to its sale, its order and the refund queue.

What an attempt may take is reserved on the sale from the moment it is opened, so that whatever happens, no more is
returned than was paid.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from csctl.domain import ids
from csctl.domain.attempts import becomes
from csctl.domain.money import Money
from csctl.domain.reasons import READ, Reason, Unvoided, after_void
from csctl.domain.refund_queue import Operation
from csctl.domain.states import ItemState, Kind, Settlement, State
from csctl.errors import Conflict, CsctlError
from csctl.gateways.operations import Answer, Found
from csctl.models import QueueItem, Transaction
from csctl.results import Result
from csctl.services.emails import announce as emails
from csctl.services.outcomes import answers, late, orders
from csctl.services.outcomes import cancellation as cancelling
from csctl.services.outcomes import refund as queue_rules
from csctl.services.payments import learned, verdicts
from csctl.services.payments.jobs import Turn
from csctl.services.shared import audit, duplicates, history

if TYPE_CHECKING:
    from csctl.app import App


def refusal(turn: Turn, attempt: Transaction) -> CsctlError | None:
    """Nothing of a sale that is disputed by now is refunded, and nothing at all is sent for a duplicate."""
    sale = turn.session.get_one(Transaction, attempt.parent_id)
    if sale.duplicate_at:
        return Conflict(f"{ids.show('txn', sale.id)} is a duplicate", cause=duplicates.words(turn.session, sale))
    if sale.disputed_at and attempt.kind is Kind.REFUND:
        return Conflict(f"{ids.show('txn', sale.id)} is disputed")
    return None


def withdraw(turn: Turn, app: App, attempt: Transaction) -> None:
    """What the attempt had reserved is free, and so is the day's slot of its queue item."""
    del app
    if item := _item(turn, attempt):
        queue_rules.free_the_day(attempt, item)
        queue_rules.move(item, Operation.WAIT)
    else:
        sale = turn.session.get_one(Transaction, attempt.parent_id)
        sale.reserved -= attempt.amount


def apply(turn: Turn, app: App, attempt: Transaction, answer: Answer, found: Found | None) -> QueueItem | None:
    """The sale, the queue item, emails and history, and the cancellation that the attempt brings."""
    del answer
    sale, item = turn.session.get_one(Transaction, attempt.parent_id), _item(turn, attempt)
    record = _record_void if attempt.kind is Kind.VOID else _record_refund
    item = record(turn, app, attempt, sale, item)
    if found and attempt.reason in READ:
        before = sale.refunded
        learned.learn(turn, app, sale, found)
        if sale.refunded > before:
            news = f"{Money(sale.refunded - before, sale.currency)} was returned at the gateway before"
            attempt.message = f"{attempt.message}; {news}" if attempt.message else news
    if item and attempt.reason in READ and item.state is ItemState.QUEUED and item.amount == attempt.amount:
        queue_rules.give_up(turn.session, app, sale, item)  # by the gateway's totals, too, it should have fitted
    _after(turn, app, attempt)
    return item


def _record_void(
    turn: Turn, app: App, attempt: Transaction, sale: Transaction, item: QueueItem | None
) -> QueueItem | None:
    then = after_void(attempt.reason)
    if attempt.state is State.APPROVED:
        sale.reserved -= attempt.amount
        sale.voided_at = app.clock.now()
        if item:
            queue_rules.succeed(app, item)
        emails.announce(turn.session, app, attempt)
    elif then is Unvoided.REFUND:  # the gateway decides what is settled, and has just said so
        sale.settlement = Settlement.SETTLED
        sale.settled_at = sale.settled_at or app.clock.now()
        _release(attempt, sale, item)
    elif then is Unvoided.VOIDED:  # on the gateway's own page
        sale.reserved -= attempt.amount
        sale.voided_at = app.clock.now()
        if item:
            queue_rules.settle(app, item, "the sale is voided")
        orders.note_if_all_returned(sale.order, turn.sales_of(sale.order_id))
    elif attempt.state.refused:
        survives = attempt.joins_queue and attempt.reason == Reason.NEVER_EXECUTED
        if item or survives:  # the money is to be returned all the same
            return queue_rules.take_failure(turn.session, app, attempt, sale, item)
        sale.reserved -= attempt.amount
        if then is Unvoided.DISPUTED:
            sale.disputed_at = sale.disputed_at or app.clock.now()
    return item


def _release(attempt: Transaction, sale: Transaction, item: QueueItem | None) -> None:
    """A void was refused as settled: a refund of the same day takes its place."""
    if item is None:
        sale.reserved -= attempt.amount
    else:
        queue_rules.free_the_day(attempt, item)
        queue_rules.move(item, Operation.WAIT)


def _record_refund(
    turn: Turn, app: App, attempt: Transaction, sale: Transaction, item: QueueItem | None
) -> QueueItem | None:
    if attempt.state is State.APPROVED:
        attempt.settlement = Settlement.UNSETTLED
        _watch(app, attempt)
        sale.reserved -= attempt.amount
        sale.refunded += attempt.amount
        if item:
            queue_rules.succeed(app, item)
        emails.announce(turn.session, app, attempt)
    elif attempt.state.refused:
        return queue_rules.take_failure(turn.session, app, attempt, sale, item)
    return item


def _watch(app: App, refund: Transaction) -> None:
    """Look at an approved refund until it can no longer be returned."""
    refund.watch_until = app.clock.now() + app.gateways.capabilities(refund.gateway).refund_watch


def _after(turn: Turn, app: App, attempt: Transaction) -> None:
    """What follows from an outcome for the order, and what the customer's history says of it."""
    order = attempt.order
    if attempt.state is State.APPROVED:
        orders.note_if_all_returned(order, turn.sales_of(order.id))
    queued = attempt.queue_item_id is not None and attempt.state.refused
    if queued or attempt.state.accepted:
        cancelling.carry_out(turn.session, app, attempt)
    money = Money(attempt.amount, attempt.currency)
    why = f" ({attempt.reason})" if attempt.reason else ""
    of_sale = ids.show("txn", attempt.parent_id or 0)
    history.event(
        turn.session,
        app,
        order.customer_id,
        f"{attempt.kind.value} of {money} on {of_sale}: {attempt.state.value}{why}",
        order_id=order.id,
        transaction_id=attempt.id,
    )


def approve_late(turn: Turn, app: App, attempt: Transaction, answer: Answer) -> str:
    """The attempt is asked about once more: unknown, as it should have stayed. If the queue has gone on with it since,
    it counts from now on, and a person must look at both.
    """
    name, item = ids.show("txn", attempt.id), _item(turn, attempt)
    if item and item.state is ItemState.QUEUED and item.last_attempt_on in (None, attempt.attempt_on):
        queue_rules.move(item, Operation.ASK_AGAIN)
        attempt.state = becomes(attempt.state, State.UNKNOWN)
        attempt.reason, attempt.finished_at = Reason.ANSWER_LOST, None
        return f"csctl txn reconcile {name}"
    sale = turn.session.get_one(Transaction, attempt.parent_id)
    now = app.clock.now()
    if attempt.kind is Kind.REFUND and answer.reference:
        learned.give_way(turn, app, sale, answer.reference)
    late.approve(attempt, answer, now)
    late.return_money(attempt, sale, item, now)
    if attempt.kind is Kind.REFUND:
        _watch(app, attempt)
    orders.note_if_all_returned(attempt.order, turn.sales_of(attempt.order_id))
    return f"look at {name} on the gateway's own page, then csctl txn reconcile {name} --as approved"


def settled_meanwhile(turn: Turn, attempt_id: int) -> bool:
    """Whether this is a void that the gateway definitely refused because the sale has settled."""
    attempt = turn.session.get_one(Transaction, attempt_id)
    return attempt.kind is Kind.VOID and attempt.state is State.DECLINED and attempt.reason == Reason.ALREADY_SETTLED


def take_back(turn: Turn, app: App, refund: Transaction, answer: Answer) -> Result:
    """An approved refund came back (a bank returned it): the amount remains again, and the queue continues with it."""
    sale = turn.session.get_one(Transaction, refund.parent_id)
    refund.state = becomes(refund.state, State.FAILED)
    refund.reason = answer.reason
    answers.keep(refund, answer)
    refund.finished_at = app.clock.now()
    late.subtract(sale, refund.amount)
    orders.note_money(refund.order)
    item = queue_rules.take_return(turn.session, app, refund, sale, _item(turn, refund))
    emails.refund_returned(turn.session, app, refund, queued=item is not None and item.state is ItemState.QUEUED)
    _after(turn, app, refund)
    result = verdicts.result_of(refund, item)
    audit.write(
        turn.session,
        app,
        result.outcome,
        target=target(refund),
        transaction=ids.show("txn", refund.id),
        before=State.APPROVED.value,
        after=State.FAILED.value,
        amount=str(Money(refund.amount, refund.currency)),
    )
    return result


def target(attempt: Transaction) -> str:
    """The sale."""
    return ids.show("txn", attempt.parent_id or 0)


def said(app: App, attempt: Transaction) -> Mapping[str, object]:
    """Why it was returned. A reason of the shop's own list names no customer; what operators write may."""
    given = attempt.refund_reason if app.shop.refund_reasons else audit.given(attempt.refund_reason)
    return {"refund_reason": given}


def _item(turn: Turn, attempt: Transaction) -> QueueItem | None:
    return turn.session.get(QueueItem, attempt.queue_item_id) if attempt.queue_item_id else None
