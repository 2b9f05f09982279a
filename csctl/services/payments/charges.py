"""What the outcome of a charge does to its order or purchase."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from csctl.domain import ids
from csctl.domain.money import Money
from csctl.domain.reasons import Reason
from csctl.domain.states import Occasion, Settlement, State
from csctl.errors import CsctlError
from csctl.gateways.operations import Answer, Found
from csctl.models import QueueItem, Transaction
from csctl.services.outcomes import billing as billing_rules
from csctl.services.outcomes import checkout as checkout_rules
from csctl.services.outcomes import deferred, late
from csctl.services.payments.jobs import Turn
from csctl.services.shared import history

if TYPE_CHECKING:
    from csctl.app import App


def refusal(turn: Turn, attempt: Transaction) -> CsctlError | None:
    """A charge that was opened is sent."""
    del turn, attempt
    return None


def withdraw(turn: Turn, app: App, attempt: Transaction) -> None:
    """An order is kept as declined, so that it can be charged again; a purchase is still due."""
    _take_outcome(turn, app, attempt)


def apply(turn: Turn, app: App, attempt: Transaction, answer: Answer, found: Found | None) -> QueueItem | None:
    """The order or purchase with its shipment and emails, then what was asked for while the charge was under way."""
    del found
    if attempt.state is State.APPROVED:
        _note_settlement(attempt, answer)
    _take_outcome(turn, app, attempt)
    money = Money(attempt.amount, attempt.currency)
    what = f"cycle {attempt.cycle} of {ids.show('pur', attempt.purchase_id)}" if attempt.purchase_id else "the order"
    why = f" ({attempt.reason})" if attempt.reason else ""
    history.event(
        turn.session,
        app,
        attempt.order.customer_id,
        f"charge of {money} for {what}: {attempt.state.value}{why}",
        order_id=attempt.order_id,
        transaction_id=attempt.id,
    )
    return None


def _take_outcome(turn: Turn, app: App, attempt: Transaction) -> None:
    rules = checkout_rules if attempt.occasion is Occasion.CHECKOUT else billing_rules
    if attempt.state.closed:
        deferred.cancel(turn.session, app, attempt)
    rules.take_outcome(turn.session, app, attempt)
    if attempt.state.closed:
        deferred.move_billing(turn.session, app, attempt)


def _note_settlement(attempt: Transaction, answer: Answer) -> None:
    attempt.settlement, attempt.settled_at = answer.settlement or Settlement.UNSETTLED, answer.settled_at


def approve_late(turn: Turn, app: App, attempt: Transaction, answer: Answer) -> str:
    """The sale is asked about once more. If its cycle or its order was charged again since, the customer has paid
    twice: it is a sale that can be refunded, and a person must look at both.
    """
    name = ids.show("txn", attempt.id)
    if _was_charged_again(turn, attempt):
        late.approve(attempt, answer, app.clock.now())
        _note_settlement(attempt, answer)
        attempt.cycle = attempt.occasion = None  # the other sale has paid for them
        attempt.look_since = app.clock.now()
        return f"look at {name} on the gateway's own page: the customer was charged twice"
    attempt.state, attempt.reason, attempt.finished_at = State.UNKNOWN, Reason.ANSWER_LOST, None
    if attempt.occasion is Occasion.CHECKOUT:
        checkout_rules.reopen(turn.session, app, attempt.order)
    return f"csctl txn reconcile {name}"


def _was_charged_again(turn: Turn, attempt: Transaction) -> bool:
    others = [one for one in turn.sales_of(attempt.order_id) if one is not attempt and not one.state.refused]
    of_cycle = (attempt.purchase_id, attempt.cycle)
    checkout = attempt.occasion is Occasion.CHECKOUT
    return any(
        (attempt.purchase_id and (one.purchase_id, one.cycle) == of_cycle)
        or (checkout and one.occasion is Occasion.CHECKOUT)
        for one in others
    )


def target(attempt: Transaction) -> str:
    """The purchase that was billed, or the order."""
    if attempt.purchase_id:
        return ids.show("pur", attempt.purchase_id)
    return ids.show("ord", attempt.order_id)


def said(app: App, attempt: Transaction) -> Mapping[str, object]:
    """The cycle that was billed."""
    del app
    return {"cycle": attempt.cycle}
