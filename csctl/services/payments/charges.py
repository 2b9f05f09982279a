"""Charging a customer: one attempt at a sale, from its intent to its outcome, by the protocol of all attempts."""

from __future__ import annotations

import uuid
from collections.abc import Generator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from csctl.domain import ids
from csctl.domain.money import Money
from csctl.domain.outcomes import Outcome
from csctl.domain.reasons import Reason
from csctl.domain.states import Kind, Occasion, Settlement, State
from csctl.errors import Misconfigured, OutcomeUnknown
from csctl.gateways.operations import Answer
from csctl.models import Order, PaymentMethod, Transaction
from csctl.results import Result
from csctl.services.outcomes import billing as billing_rules
from csctl.services.outcomes import checkout as checkout_rules
from csctl.services.outcomes import late
from csctl.services.payments import attempts, operations, verdicts
from csctl.services.payments.jobs import LEASE, Call, Turn
from csctl.services.shared import audit, history

if TYPE_CHECKING:
    from csctl.app import App


def open_sale(
    turn: Turn, app: App, order: Order, method: PaymentMethod, amount: int, occasion: Occasion, **details: Any
) -> Transaction:
    """The intent: a sale `created`, of `amount` minor units of the order's currency. `details` are further columns.
    It has no id before the next call.

    For a purchase and a cycle there is at most one that is not refused: the database says no to a second.
    """
    sale = Transaction(
        order_id=order.id,
        payment_method_id=method.id,
        kind=Kind.SALE,
        state=State.CREATED,
        amount=amount,
        currency=order.currency,
        gateway=method.gateway,
        key=uuid.uuid4().hex,
        occasion=occasion,
        created_at=app.clock.now(),
        created_by=app.actor.id,
        lease_until=app.clock.now() + LEASE,
        **details,
    )
    turn.session.add(sale)
    turn.needs.orders.add(order.id)
    turn.needs.opened.append(sale)
    return sale


def exchange(turn: Turn, app: App, sale: Transaction) -> Generator[Call, Any, Result]:
    """Claim a sale, charge the card, record the outcome. Wrong credentials are no answer, but our fault."""
    gateway, claim = app.gateways[sale.gateway], attempts.claim_for(app, sale)
    sale.state, sale.sent_at = State.SENT, app.clock.now()
    charge = partial(gateway.charge, operations.of_attempt(turn.session, sale))
    try:
        answer = yield Call(charge, Answer(State.APPROVED), attempts.NOT_SENT)
    except Misconfigured as error:
        ours = Answer(State.FAILED, reason=Reason.MISCONFIGURED, message=error.message)
        record(turn, app, sale.id, claim, ours)
        return Result.refused(ids.show("txn", sale.id), error)
    except OutcomeUnknown as lost:
        answer = Answer(State.UNKNOWN, reason=Reason.ANSWER_LOST, message=lost.cause)
    attempts.note_reachability(app, sale.gateway, answer, sale.order_id)
    return record(turn, app, sale.id, claim, answer)


def record(turn: Turn, app: App, number: int, claim: str | None, answer: Answer) -> Result:
    """The outcome, all of it or nothing: the sale, its order or purchase, shipment, email, history, audit row.

    The same whether it is recorded live or found by reconciling. The Result's `id` is the sale's own. An answer that
    comes when somebody else has taken the sale on is not recorded.
    """
    sale = turn.session.get_one(Transaction, number)
    before = (sale.state, sale.reason)
    if sale.reason == Reason.NEVER_EXECUTED and sale.claim != claim and answer.state is State.APPROVED:
        return _too_late(turn, app, sale, answer)
    if not attempts.take_answer(app, sale, claim, answer):
        return verdicts.result_of(sale, None)
    if (sale.state, sale.reason) == before:
        return verdicts.result_of(sale, None)  # asked again, and nothing new
    if sale.state is State.APPROVED:
        sale.settlement, sale.settled_at = answer.settlement or Settlement.UNSETTLED, answer.settled_at
    (checkout_rules if sale.occasion is Occasion.CHECKOUT else billing_rules).take_outcome(turn.session, app, sale)
    result = verdicts.result_of(sale, None)
    _note(turn, app, sale, result.outcome)
    return result


def _too_late(turn: Turn, app: App, sale: Transaction, answer: Answer) -> Result:
    """A worker that slept brings an approval of what the gateway did not know when it was asked.

    The sale is asked about once more. If its cycle or its order was charged again since, the customer has paid twice:
    it is a sale that can be refunded, and a person must look at both.
    """
    name, others = ids.show("txn", sale.id), [one for one in turn.sales_of(sale.order_id) if one is not sale]
    of_this = [
        one
        for one in others
        if (sale.purchase_id and (one.purchase_id, one.cycle) == (sale.purchase_id, sale.cycle))
        or sale.occasion is one.occasion is Occasion.CHECKOUT  # the order was charged again
    ]
    twice = any(not one.state.refused for one in of_this)
    if twice:
        late.approve(app, sale, answer)
        sale.settlement, sale.settled_at = answer.settlement or Settlement.UNSETTLED, answer.settled_at
        sale.cycle = sale.occasion = None  # the other sale has paid for them
        sale.look_since = app.clock.now()
        fix = f"look at {name} on the gateway's own page: the customer was charged twice"
    else:
        sale.state, sale.reason, sale.finished_at = State.UNKNOWN, Reason.ANSWER_LOST, None
        if sale.occasion is Occasion.CHECKOUT:
            checkout_rules.reopen(turn.session, app, sale.order)
        fix = f"csctl txn reconcile {name}"
    unexpected = late.note(turn.session, app, sale, fix)
    result = verdicts.result_of(sale, None)
    return replace(result, outcome=Outcome.UNKNOWN, message=unexpected.message, error=unexpected)


def _note(turn: Turn, app: App, sale: Transaction, outcome: str) -> None:
    money = Money(sale.amount, sale.currency)
    what = f"cycle {sale.cycle} of {ids.show('pur', sale.purchase_id)}" if sale.purchase_id else "the order"
    why = f" ({sale.reason})" if sale.reason else ""
    history.event(
        turn.session,
        app,
        sale.order.customer_id,
        f"charge of {money} for {what}: {sale.state.value}{why}",
        order_id=sale.order_id,
        transaction_id=sale.id,
    )
    audit.write(
        turn.session,
        app,
        outcome,
        target=ids.show("pur", sale.purchase_id) if sale.purchase_id else ids.show("ord", sale.order_id),
        transaction=ids.show("txn", sale.id),
        kind=sale.kind.value,
        amount=str(money),
        cycle=sale.cycle,
        state=sale.state.value,
        reason=sale.reason,
        **audit.requester(app, sale.created_by),
    )
