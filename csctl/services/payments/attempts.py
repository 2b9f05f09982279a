"""One attempt at a gateway, from its intent to its outcome (domain rules, section 3).

An attempt is a transaction of kind void or refund on a sale. What it may take is reserved on the sale from the moment
it is opened, so that whatever happens, no more is returned than was paid.
"""

from __future__ import annotations

import uuid
from collections.abc import Generator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from csctl.domain import ids
from csctl.domain.attempts import becomes
from csctl.domain.money import Money
from csctl.domain.outcomes import Outcome
from csctl.domain.reasons import Reason
from csctl.domain.refund_queue import Operation
from csctl.domain.states import ItemState, Kind, OrderStatus, Settlement, State
from csctl.errors import Conflict, Misconfigured, OutcomeUnknown
from csctl.gateways.operations import Answer
from csctl.gateways.protocol import UnknownReference
from csctl.models import Order, QueueItem, Transaction
from csctl.results import Result
from csctl.services.emails import announce as emails
from csctl.services.outcomes import cancellation as cancelling
from csctl.services.outcomes import late
from csctl.services.outcomes import refund as queue_rules
from csctl.services.payments import operations, verdicts
from csctl.services.payments.jobs import LEASE, Call, Turn
from csctl.services.shared import audit, history

if TYPE_CHECKING:
    from csctl.app import App

NOT_SENT = Answer(State.FAILED, reason=Reason.ABANDONED, message="it was never sent")
_DISPUTED = Answer(State.FAILED, reason=Reason.ABANDONED, message="it was not sent: the sale is disputed")


def open_attempt(
    turn: Turn, app: App, sale: Transaction, kind: Kind, amount: int, *, item: QueueItem | None = None, **details: Any
) -> Transaction:
    """The intent: a transaction `created`, its amount (minor units) reserved on the sale. It has no id before the
    next call: what is written together is written in few statements.

    The retry of a queue `item` needs no new reservation: the item holds one. `details` are further columns.
    """
    attempt = Transaction(
        order_id=sale.order_id,
        payment_method_id=sale.payment_method_id,
        parent_id=sale.id,
        kind=kind,
        state=State.CREATED,
        amount=amount,
        currency=sale.currency,
        gateway=sale.gateway,
        key=uuid.uuid4().hex,
        created_at=app.clock.now(),
        created_by=app.actor.id,
        lease_until=app.clock.now() + LEASE,
        queue_item_id=item.id if item else None,
        **{"purchase_id": sale.purchase_id, **details},
    )
    if item is None:
        sale.reserved += amount
    turn.session.add(attempt)
    turn.needs.transactions.add(sale.id)
    turn.needs.opened.append(attempt)
    return attempt


def exchange(turn: Turn, app: App, attempt: Transaction) -> Generator[Call, Any, Result]:
    """Claim an attempt, call the gateway, record the outcome. Wrong credentials are no answer, but our fault.

    Nothing is sent of an attempt that somebody has closed meanwhile, nor on a sale that is disputed by now.
    """
    sale = turn.session.get_one(Transaction, attempt.parent_id)
    if attempt.state is not State.CREATED:
        return verdicts.result_of(attempt, _item(turn, attempt))
    if sale.disputed_at and attempt.kind is Kind.REFUND:
        turn.session.flush()
        record(turn, app, attempt.id, claim_for(app, attempt), _DISPUTED)
        return Result.refused(ids.show("txn", attempt.id), Conflict(f"{ids.show('txn', sale.id)} is disputed"))
    call, claim = _send(turn, app, attempt)
    sale_reference = sale.gateway_ref or ids.show("txn", sale.id)
    try:
        answer = yield call
    except Misconfigured as error:
        _withdraw(turn, app, attempt.id, claim, error)
        return Result.refused(ids.show("txn", attempt.id), error)
    except OutcomeUnknown as lost:
        answer = Answer(State.UNKNOWN, reason=Reason.ANSWER_LOST, message=lost.cause)
    note_reachability(app, attempt.gateway, answer, attempt.parent_id)
    if answer.reason is Reason.UNKNOWN_REFERENCE:  # of a sale that we know: it is the wrong account
        wrong = UnknownReference(sale_reference, answer.message)
        _withdraw(turn, app, attempt.id, claim, wrong)
        return Result.refused(ids.show("txn", attempt.id), wrong)
    return record(turn, app, attempt.id, claim, answer)


def note_reachability(app: App, account: str, answer: Answer, sale: object) -> None:
    """Leave an account alone that does not answer: each further call would only wait for its time-out."""
    if app.gateways.note(account, answer.reason, sale):
        app.notice(f"The gateway {account} is {answer.reason}: nothing more is sent to it in this run.")


def _withdraw(turn: Turn, app: App, attempt_id: int, claim: str, error: Misconfigured) -> None:
    """Nothing was sent, by our own fault, so nothing happened: what the attempt had reserved is free, and so is the
    day's slot of its queue item. Its row stays, closed; no history tells of it.
    """
    attempt = turn.session.get_one(Transaction, attempt_id)
    if not isinstance(error, UnknownReference):  # one wrong reference does not speak for the account's others
        app.gateways.refuse(attempt.gateway, error)
    if not take_answer(app, attempt, claim, Answer(State.FAILED, reason=Reason.MISCONFIGURED, message=error.message)):
        return
    if item := _item(turn, attempt):
        queue_rules.move(item, Operation.WAIT)
        item.last_attempt_on = attempt.attempt_on = None
    else:
        sale = turn.session.get_one(Transaction, attempt.parent_id)
        sale.reserved -= attempt.amount


def _send(turn: Turn, app: App, attempt: Transaction) -> tuple[Call, str]:
    gateway = app.gateways[attempt.gateway]
    claim = claim_for(app, attempt)
    attempt.state, attempt.sent_at = becomes(attempt.state, State.SENT), app.clock.now()
    operation = operations.of_attempt(turn.session, attempt)
    write = gateway.void if attempt.kind is Kind.VOID else gateway.refund
    return Call(partial(write, operation), Answer(State.APPROVED), NOT_SENT), claim


def claim_for(app: App, attempt: Transaction) -> str:
    """Make this process the one that is at it, for the length of a lease."""
    attempt.claim, attempt.lease_until = uuid.uuid4().hex, app.clock.now() + LEASE
    return attempt.claim


def record(turn: Turn, app: App, attempt_id: int, claim: str | None, answer: Answer) -> Result:
    """The outcome, all of it or nothing: state, reservation, queue item, email, history, audit row.

    The Result's `id` is the attempt's own: callers put in the id that they were given.
    """
    attempt = turn.session.get_one(Transaction, attempt_id)
    sale, item = turn.session.get_one(Transaction, attempt.parent_id), _item(turn, attempt)
    before = (attempt.state, attempt.reason)
    if _comes_too_late(attempt, claim, answer):
        return _too_late(turn, app, attempt, item, answer)
    if not take_answer(app, attempt, claim, answer):
        return verdicts.result_of(attempt, item)
    if (attempt.state, attempt.reason) == before:
        return verdicts.result_of(attempt, item)  # asked again, and nothing new
    if attempt.kind is Kind.VOID:
        _record_void(turn, app, attempt, sale)
    else:
        item = _record_refund(turn, app, attempt, sale, item)
    _after(turn, app, attempt)
    result = verdicts.result_of(attempt, item)
    audit.write(
        turn.session,
        app,
        result.outcome,
        target=ids.show("txn", sale.id),
        transaction=ids.show("txn", attempt.id),
        kind=attempt.kind.value,
        amount=str(Money(attempt.amount, attempt.currency)),
        state=attempt.state.value,
        reason=attempt.reason,
        # One of the shop's own list names nobody; what operators write may.
        refund_reason=attempt.refund_reason if app.shop.refund_reasons else audit.given(attempt.refund_reason),
        **audit.requester(app, attempt.created_by),
    )
    return result


def take_answer(app: App, attempt: Transaction, claim: str | None, answer: Answer) -> bool:
    """Write the answer into its attempt; False if it is closed, or somebody else is at it and this answer is none.

    What the gateway says of this attempt for certain is true whoever was told.
    """
    certain = answer.state.closed and answer.reason is not Reason.ABANDONED
    if attempt.claim != claim and (attempt.state.closed or not certain):
        return False
    attempt.lease_until = attempt.claim = None
    answer = as_asked(attempt, answer)
    attempt.state = becomes(attempt.state, answer.state)
    attempt.reason, attempt.message = answer.reason, answer.message
    attempt.gateway_ref = answer.reference or attempt.gateway_ref
    if answer.state.closed:
        attempt.finished_at = app.clock.now()
    return True


def as_asked(attempt: Transaction, answer: Answer) -> Answer:
    """The answer, unless it says that another amount was moved than was asked for: then a person must look."""
    amount = answer.amount is not None and answer.amount != attempt.amount
    currency = answer.currency is not None and answer.currency != attempt.currency
    if answer.state not in (State.APPROVED, State.PENDING) or not (amount or currency):
        return answer
    said = Money(answer.amount or attempt.amount, answer.currency or attempt.currency)
    asked = Money(attempt.amount, attempt.currency)
    message = f"the gateway says {said}, and {asked} was asked for"
    return replace(answer, state=State.UNKNOWN, reason=Reason.MISMATCH, message=message)


def _record_void(turn: Turn, app: App, attempt: Transaction, sale: Transaction) -> None:
    if attempt.state.closed:
        sale.reserved -= attempt.amount
    if attempt.state is State.APPROVED:
        sale.voided_at = app.clock.now()
        emails.announce(turn.session, app, attempt)
    elif attempt.reason == Reason.ALREADY_SETTLED:  # the gateway decides what is settled, and has just said so
        sale.settlement = Settlement.SETTLED
        sale.settled_at = sale.settled_at or app.clock.now()
    elif attempt.reason == Reason.ALREADY_VOIDED:  # somebody did it on the gateway's own page
        sale.voided_at = app.clock.now()
        note_if_all_returned(sale.order, turn.sales_of(sale.order_id))


def _record_refund(
    turn: Turn, app: App, attempt: Transaction, sale: Transaction, item: QueueItem | None
) -> QueueItem | None:
    if attempt.state is State.APPROVED:
        attempt.settlement = Settlement.UNSETTLED
        attempt.watch_until = app.clock.now() + app.gateways[attempt.gateway].capabilities.refund_watch
        sale.reserved -= attempt.amount
        sale.refunded += attempt.amount
        if item:
            queue_rules.succeed(app, item)
        emails.announce(turn.session, app, attempt)
    elif attempt.state.refused:
        return queue_rules.take_failure(turn.session, app, attempt, sale, item)
    return item


def _after(turn: Turn, app: App, attempt: Transaction) -> None:
    """What follows from an outcome for the order, and what the customer's history says of it."""
    order = attempt.order
    if attempt.state is State.APPROVED:
        note_if_all_returned(order, turn.sales_of(order.id))
    queued = attempt.queue_item_id is not None and attempt.state.refused
    if attempt.then_cancel and (queued or attempt.state in (State.APPROVED, State.PENDING)):
        _cancel(turn, app, attempt)
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


def note_if_all_returned(order: Order, sales: list[Transaction]) -> None:
    """An order is `refunded` once all its money is returned. `sales` are all of its sales."""
    taken = [sale for sale in sales if sale.is_sale]
    if taken and all(sale.voided_at or sale.refunded == sale.amount for sale in taken):
        order.status = OrderStatus.REFUNDED


def _cancel(turn: Turn, app: App, attempt: Transaction) -> None:
    if attempt.then_cancel and attempt.then_cancel.startswith("pur_"):
        cancelling.cancel_carried(turn.session, app, attempt.then_cancel, attempt.refund_reason)
    elif attempt.then_cancel == "order":
        cancelling.cancel_order(turn.session, app, attempt.order, attempt.refund_reason)
    else:  # the purchase, or those that one sale covers; what is to be shipped is left alone
        for purchase in attempt.order.purchases:
            if attempt.purchase_id in (None, purchase.id):
                cancelling.cancel_purchase(turn.session, app, purchase, attempt.refund_reason)
    attempt.then_cancel = None


def _comes_too_late(attempt: Transaction, claim: str | None, answer: Answer) -> bool:
    """Whether a worker that slept brings an approval of what the gateway did not know when it was asked."""
    closed = attempt.state is State.FAILED and attempt.reason == Reason.NEVER_EXECUTED
    return closed and attempt.claim != claim and answer.state is State.APPROVED


def _too_late(turn: Turn, app: App, attempt: Transaction, item: QueueItem | None, answer: Answer) -> Result:
    """The attempt is asked about once more: unknown, as it should have stayed. If the queue has gone on with it since,
    it counts from now on, and a person must look at both.
    """
    waiting = item is not None and item.state is ItemState.QUEUED and item.last_attempt_on in (None, attempt.attempt_on)
    name = ids.show("txn", attempt.id)
    if item is not None and waiting:
        queue_rules.move(item, Operation.ASK_AGAIN)
        attempt.state = becomes(attempt.state, State.UNKNOWN)
        attempt.reason, attempt.finished_at = Reason.ANSWER_LOST, None
        fix = f"csctl txn reconcile {name}"
    else:
        sale = turn.session.get_one(Transaction, attempt.parent_id)
        late.approve(app, attempt, answer)
        late.return_money(app, attempt, sale, item)
        note_if_all_returned(attempt.order, turn.sales_of(attempt.order_id))
        fix = f"look at {name} on the gateway's own page, then csctl txn reconcile {name} --as approved"
    unexpected = late.note(turn.session, app, attempt, fix)
    result = verdicts.result_of(attempt, item)
    return replace(result, outcome=Outcome.UNKNOWN, message=unexpected.message, error=unexpected)


def settled_meanwhile(turn: Turn, attempt_id: int) -> bool:
    """Whether this is a void that the gateway definitely refused because the sale has settled."""
    attempt = turn.session.get_one(Transaction, attempt_id)
    return attempt.kind is Kind.VOID and attempt.state is State.DECLINED and attempt.reason == Reason.ALREADY_SETTLED


def take_back(turn: Turn, app: App, refund: Transaction, answer: Answer) -> Result:
    """An approved refund came back (a bank returned it): the amount is left again, and the queue goes on with it."""
    sale = turn.session.get_one(Transaction, refund.parent_id)
    refund.state = becomes(refund.state, State.FAILED)
    refund.reason, refund.message = answer.reason, answer.message
    refund.finished_at = app.clock.now()
    sale.refunded -= refund.amount
    if refund.order.status is OrderStatus.REFUNDED:
        refund.order.status = OrderStatus.CANCELLED if refund.order.cancelled_at else OrderStatus.COMPLETE
    item = queue_rules.take_return(turn.session, app, refund, sale, _item(turn, refund))
    emails.refund_returned(turn.session, app, refund, queued=item is not None and item.state is ItemState.QUEUED)
    _after(turn, app, refund)
    result = verdicts.result_of(refund, item)
    audit.write(
        turn.session,
        app,
        result.outcome,
        target=ids.show("txn", sale.id),
        transaction=ids.show("txn", refund.id),
        before="approved",
        after="failed",
        amount=str(Money(refund.amount, refund.currency)),
    )
    return result


def _item(turn: Turn, attempt: Transaction) -> QueueItem | None:
    return turn.session.get(QueueItem, attempt.queue_item_id) if attempt.queue_item_id else None
