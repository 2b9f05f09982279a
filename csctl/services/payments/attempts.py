"""One attempt at a gateway, from its intent to its outcome: the protocol of charges, voids and refunds alike.

What an outcome does to a sale, an order, a purchase or the refund queue is said by `charges` and `returns`.
"""

from __future__ import annotations

import uuid
from collections.abc import Generator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from csctl.domain import ids
from csctl.domain.attempts import becomes
from csctl.domain.money import Money
from csctl.domain.outcomes import Outcome
from csctl.domain.reasons import READ, Reason
from csctl.domain.states import Kind, Settlement, State
from csctl.errors import CsctlError, Misconfigured, OutcomeUnknown, Unreachable
from csctl.gateways.cleaning import is_reference
from csctl.gateways.identified import Identified
from csctl.gateways.operations import Answer, Finds, Found, Sale
from csctl.gateways.protocol import Gateway, UnknownReference
from csctl.models import QueueItem, Transaction
from csctl.results import Result
from csctl.services.outcomes import answers, late
from csctl.services.payments import charges, operations, returns, verdicts
from csctl.services.payments.jobs import LEASE, Call, NotRecorded, Turn
from csctl.services.shared import audit, duplicates

if TYPE_CHECKING:
    from csctl.app import App

NOT_SENT = Answer(State.FAILED, reason=Reason.ABANDONED, message="it was never sent")


class Effects(Protocol):
    """What the outcome of an attempt does. Each function is called with the attempt's rows under lock."""

    def refusal(self, turn: Turn, attempt: Transaction) -> CsctlError | None:
        """Why it is not sent after all."""

    def withdraw(self, turn: Turn, app: App, attempt: Transaction) -> None:
        """Nothing was sent, by our own fault: undo what the intent did."""

    def apply(
        self, turn: Turn, app: App, attempt: Transaction, answer: Answer, found: Found | None
    ) -> QueueItem | None:
        """Do what follows from the attempt's new state. Returns the queue item that it belongs to, if any. `found` is
        what the gateway says of the sale, where it was asked.
        """

    def approve_late(self, turn: Turn, app: App, attempt: Transaction, answer: Answer) -> str:
        """An approval comes after the attempt was taken for failed. Returns what a person is to do."""

    def target(self, attempt: Transaction) -> str:
        """The record that the audit log names."""

    def said(self, app: App, attempt: Transaction) -> Mapping[str, object]:
        """What the audit log says of it besides."""


def effects_of(attempt: Transaction) -> Effects:
    """The effects of an attempt's kind."""
    return charges if attempt.kind is Kind.SALE else returns


def exchange(turn: Turn, app: App, attempt: Transaction) -> Generator[Call, Any, Result]:
    """Claim an attempt, call the gateway, record the outcome. Wrong credentials are no answer, but our fault.

    Nothing is sent of an attempt that was closed since, nor on a sale that is disputed by now.
    """
    effects = effects_of(attempt)
    if attempt.state is not State.CREATED:
        return verdicts.result_of(attempt, item_of(turn, attempt))
    if refusal := effects.refusal(turn, attempt):
        turn.session.flush()
        name = ids.show("txn", attempt.id)
        unsent = replace(NOT_SENT, message=f"it was not sent: {refusal.message}")
        record(turn, app, attempt.id, claim_for(app, attempt), unsent)
        return Result.refused(name, refusal)
    sale = turn.session.get_one(Transaction, attempt.parent_id) if attempt.parent_id else None
    call, claim = _send(turn, app, attempt)
    take = partial(_take, app=app, sent=_Sent(attempt, claim, sale.gateway_ref if sale else None))
    try:
        reply: Answer | CsctlError = yield replace(call, record=take)
    except CsctlError as error:
        reply = error
    return (yield from take(turn, reply))


@dataclass(frozen=True)
class _Sent:
    """An attempt that was sent, by whom, and the gateway's reference of its sale. It has an id by now."""

    attempt: Transaction
    claim: str
    reference: str | None


def _take(turn: Turn, reply: Answer | CsctlError, app: App, sent: _Sent) -> Generator[Call, Any, Result]:
    """Take the reply of a gateway to an attempt."""
    attempt, sale_id = sent.attempt, sent.attempt.parent_id
    if isinstance(reply, Misconfigured):
        return _withdraw(turn, app, attempt.id, sent.claim, reply)
    if isinstance(reply, OutcomeUnknown):
        reply = Answer(State.UNKNOWN, reason=Reason.ANSWER_LOST, message=reply.cause)
    if isinstance(reply, CsctlError):
        raise reply
    note_reachability(app, attempt.gateway, reply, sale_id or attempt.order_id)
    if reply.reason is Reason.UNKNOWN_REFERENCE and sale_id:  # of a sale that we know: it is the wrong account
        wrong = UnknownReference(sent.reference or ids.show("txn", sale_id), reply.message)
        return _withdraw(turn, app, attempt.id, sent.claim, wrong)
    if reply.reason in READ and reply.state.refused and sent.reference:
        return (yield from _with_totals(turn, app, sent, reply))
    return record(turn, app, attempt.id, sent.claim, reply)


def _with_totals(turn: Turn, app: App, sent: _Sent, answer: Answer) -> Generator[Call, Any, Result]:
    """Record the refusal of a refund that should fit by our books, with what the gateway says of the sale."""
    name, found = sent.attempt.gateway, None
    if app.gateways.capabilities(name).finds is not Finds.NOTHING and sent.reference:
        keep = partial(_keep, app=app, sent=sent, answer=answer)
        try:
            look = partial(app.gateways[name].lookup, sent.reference, Kind.SALE)
            found = yield Call(look, assumed=None, unsent=None, record=keep)
        except (Unreachable, OutcomeUnknown, Misconfigured):  # what it answered is recorded all the same
            found = None
    return record(turn, app, sent.attempt.id, sent.claim, answer, found)


def _keep(
    turn: Turn, found: Found | CsctlError | None, app: App, sent: _Sent, answer: Answer
) -> Generator[Call, Any, Result]:
    """The same, where the work that had asked was undone."""
    yield from ()
    known = None if isinstance(found, CsctlError) else found
    return record(turn, app, sent.attempt.id, sent.claim, answer, known)


def note_reachability(app: App, account: str, answer: Answer, sale: object) -> None:
    """Leave an account alone that does not answer: each further call would only wait for its time-out."""
    if app.gateways.note(account, answer.reason, sale):
        app.notice(f"The gateway {account} is {answer.reason}: nothing more is sent to it in this run.")


def _withdraw(turn: Turn, app: App, number: int, claim: str, error: Misconfigured) -> Result:
    """Nothing was sent, by our own fault, so nothing happened. The row stays, closed; no history tells of it."""
    attempt = turn.session.get_one(Transaction, number)
    if not isinstance(error, UnknownReference):  # one wrong reference does not speak for the account's others
        app.gateways.refuse(attempt.gateway, error)
    ours = Answer(State.FAILED, reason=Reason.MISCONFIGURED, message=error.message)
    if take_answer(turn, app, attempt, claim, ours):
        effects_of(attempt).withdraw(turn, app, attempt)
    return Result.refused(ids.show("txn", number), error)


def _send(turn: Turn, app: App, attempt: Transaction) -> tuple[Call, str]:
    gateway = app.gateways[attempt.gateway]
    claim = claim_for(app, attempt)
    attempt.state, attempt.sent_at = becomes(attempt.state, State.SENT), app.clock.now()
    operation = operations.of_attempt(turn.session, attempt, operations.network_ref(turn, attempt))
    looks = operation.kind is Kind.VOID and gateway.capabilities.finds is not Finds.NOTHING
    look = partial(_assumed, gateway, operation.its_sale if looks else None) if looks or not gateway.is_ready else None
    return Call(operations.write(gateway, operation), Answer(State.APPROVED), NOT_SENT, look=look), claim


def _assumed(gateway: Identified, voided: Sale | None) -> Answer:
    """What a gateway would answer: as the wrong account, or to a void by what it has of the sale. Raises Misconfigured
    and Unreachable.
    """
    if refusal := gateway.refusal():
        return refusal
    return _would_void(gateway, voided) if voided else Answer(State.APPROVED)


def _would_void(gateway: Gateway, sale: Sale) -> Answer:
    found = gateway.lookup(sale.reference, Kind.SALE if sale.captured else Kind.AUTHORIZE)
    if found.voided:
        return Answer(State.DECLINED, reason=Reason.ALREADY_VOIDED)
    if found.settlement is Settlement.SETTLED:
        return Answer(State.DECLINED, reason=Reason.ALREADY_SETTLED)
    return Answer(State.APPROVED)


def claim_for(app: App, attempt: Transaction) -> str:
    """Give the attempt to this process, for the length of a lease."""
    attempt.claim, attempt.lease_until = uuid.uuid4().hex, app.clock.now() + LEASE
    return attempt.claim


def record(turn: Turn, app: App, number: int, claim: str | None, answer: Answer, found: Found | None = None) -> Result:
    """The outcome, all of it or nothing: state, reservation, queue item, order, purchase, email, history, audit row.

    The same whether it is recorded live or found by reconciling. The Result's `id` is the attempt's own: callers put
    in the id that they were given. Raises NotRecorded: then the transaction must be undone.
    """
    attempt = turn.session.get_one(Transaction, number)
    effects, before = effects_of(attempt), (attempt.state, attempt.reason)
    if _comes_too_late(attempt, claim, answer):
        return approve_late(turn, app, attempt, answer)
    if not take_answer(turn, app, attempt, claim, answer) or (attempt.state, attempt.reason) == before:
        return verdicts.result_of(attempt, item_of(turn, attempt))  # closed, another's, or nothing new
    try:
        item = effects.apply(turn, app, attempt, answer, found)
    except CsctlError as error:
        raise NotRecorded(error) from error
    result = verdicts.result_of(attempt, item)
    audit.write(
        turn.session,
        app,
        result.outcome,
        target=effects.target(attempt),
        transaction=ids.show("txn", attempt.id),
        kind=attempt.kind.value,
        amount=str(Money(attempt.amount, attempt.currency)),
        state=attempt.state.value,
        reason=attempt.reason,
        **effects.said(app, attempt),
        **audit.requester(app.actor, attempt.created_by),
    )
    return result


def take_answer(turn: Turn, app: App, attempt: Transaction, claim: str | None, answer: Answer) -> bool:
    """Write the answer into its attempt; False if it is closed, or another process has it and this answer is none.

    What the gateway says of this attempt for certain is true, also if this process does not own it any more.
    """
    certain = answer.state.closed and answer.reason is not Reason.ABANDONED
    if attempt.claim != claim and (attempt.state.closed or not certain):
        return False
    attempt.lease_until = attempt.claim = None
    answer = as_asked(turn, attempt, answer)
    attempt.state = becomes(attempt.state, answer.state)
    attempt.reason = answer.reason
    answers.keep(attempt, answer)
    if answer.state.closed:
        attempt.finished_at = app.clock.now()
    return True


def as_asked(turn: Turn, attempt: Transaction, answer: Answer) -> Answer:
    """The answer, unless it says that another amount was moved than was asked for, or names the reference of another
    sale, or one that cannot be read: then a person must look.
    """
    if answer.reference and not is_reference(answer.reference):
        unread = replace(answer, reference=None, message="the gateway's reference cannot be read")
        return replace(unread, state=State.UNKNOWN, reason=Reason.MISMATCH) if answer.state.accepted else unread
    if other := other_with(turn, attempt, answer):
        message = f"the gateway names {answer.reference}, which is {ids.show('txn', other.id)}"
        return replace(answer, state=State.UNKNOWN, reason=Reason.MISMATCH, reference=None, message=message)
    amount = answer.amount is not None and answer.amount != attempt.amount
    currency = answer.currency is not None and answer.currency != attempt.currency
    if not answer.state.accepted or not (amount or currency):
        return answer
    said = Money(answer.amount or attempt.amount, answer.currency or attempt.currency)
    asked = Money(attempt.amount, attempt.currency)
    message = f"the gateway says {said}, and {asked} was asked for"
    return replace(answer, state=State.UNKNOWN, reason=Reason.MISMATCH, message=message)


def other_with(turn: Turn, attempt: Transaction, answer: Answer) -> Transaction | None:
    """Another sale that has the reference with which this charge was approved: one charge is one sale."""
    if not attempt.kind.takes_money or answer.state is not State.APPROVED:
        return None
    held = turn.held
    if held.holders is None or answer.reference not in held.holders:
        # For all answers at once. Of two with one reference the database refuses the second, and each is recorded by
        # itself.
        references = {answer.reference or "", *(one.reference or "" for one in map(_answer_in, held.replies) if one)}
        held.holders = {reference: [] for reference in references}
        with turn.session.no_autoflush:
            for sale in duplicates.holders(turn.session, references):
                held.holders[sale.gateway_ref or ""].append(sale)
    sales = held.holders[answer.reference or ""]
    return next((sale for sale in sales if sale.gateway == attempt.gateway and sale is not attempt), None)


def _answer_in(reply: object) -> Answer | None:
    return reply.answer if isinstance(reply, Found) else reply if isinstance(reply, Answer) else None


def _comes_too_late(attempt: Transaction, claim: str | None, answer: Answer) -> bool:
    """Whether a worker that slept brings an approval of what the gateway did not know when it was asked."""
    closed = attempt.state is State.FAILED and attempt.reason == Reason.NEVER_EXECUTED
    return closed and attempt.claim != claim and answer.state is State.APPROVED


def take_late(turn: Turn, app: App, attempt: Transaction, answer: Answer) -> Result:
    """The result of an approval of what was taken for failed: its outcome, where nothing was done about it since."""
    result = approve_late(turn, app, attempt, answer)
    return result if attempt.state.closed else record(turn, app, attempt.id, attempt.claim, answer)


def approve_late(turn: Turn, app: App, attempt: Transaction, answer: Answer) -> Result:
    """Note an approval of what was taken for failed, and name what a person is to do."""
    fix = effects_of(attempt).approve_late(turn, app, attempt, answer)
    unexpected = late.note(turn.session, app, attempt, fix)
    result = verdicts.result_of(attempt, item_of(turn, attempt))
    return replace(result, outcome=Outcome.UNKNOWN, message=unexpected.message, error=unexpected)


def item_of(turn: Turn, attempt: Transaction) -> QueueItem | None:
    """The queue item that an attempt belongs to."""
    return turn.session.get(QueueItem, attempt.queue_item_id) if attempt.queue_item_id else None
