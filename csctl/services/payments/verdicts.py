"""The result of an attempt, as the row that a command prints."""

from __future__ import annotations

from csctl.domain import ids
from csctl.domain.money import Money
from csctl.domain.outcomes import Outcome
from csctl.domain.reasons import NEVER_CARRIED_OUT, NOT_SENT, Reason
from csctl.domain.states import Kind, State
from csctl.errors import Conflict, CsctlError, GatewayRefused, OutcomeUnknown, Unreachable
from csctl.models import QueueItem, Transaction
from csctl.results import Result
from csctl.services.outcomes import refund as queue_rules

# the message of an approved attempt
DONE = {Kind.VOID: Outcome.VOIDED, Kind.REFUND: Outcome.REFUNDED, Kind.SALE: Outcome.BILLED}


def result_of(attempt: Transaction, item: QueueItem | None) -> Result:
    """The result of an attempt: the same at any time."""
    name = ids.show("txn", attempt.id)
    outcome, message, error = _verdict(attempt, item)
    # Of a queued refund, the amount that the queue returns: a part may have been returned at the gateway before.
    amount = item.amount if item and outcome is Outcome.QUEUED else attempt.amount
    return Result(
        name,
        outcome,
        message,
        error=error,
        money=Money(amount, attempt.currency),
        transaction_id=name,
        queue_item_id=ids.show_or_none("rfq", item.id if item else None),
        unsent=attempt.state.refused and attempt.reason in NOT_SENT,
    )


def _verdict(attempt: Transaction, item: QueueItem | None) -> tuple[Outcome, str, CsctlError | None]:
    name = ids.show("txn", attempt.id)
    what = attempt.kind.value
    said = attempt.message or attempt.reason or ""
    if attempt.state is State.APPROVED:
        return DONE[attempt.kind], "", None
    if attempt.state is State.PENDING:
        return Outcome.PENDING, attempt.message or "the gateway has accepted it; the answer comes later", None
    if attempt.state is State.UNKNOWN or attempt.state.unanswered:
        fix = f"csctl txn reconcile {name}"
        if attempt.reason == Reason.MISMATCH:  # asking again brings the same answer
            fix = f"look at the gateway's page, then {fix} --as approved --amount AMOUNT"
        lost = OutcomeUnknown(f"the outcome of the {what} is unknown", cause=said or "no answer yet", fix=fix)
        return Outcome.UNKNOWN, lost.message, lost
    return _refused(attempt, what, said) if item is None else queue_rules.verdict(attempt, item)


def _refused(attempt: Transaction, what: str, said: str) -> tuple[Outcome, str, CsctlError]:
    """The result of an attempt without effect that no queue continues."""
    if attempt.reason == Reason.UNREACHABLE:
        gone = Unreachable("the gateway cannot be reached", cause=said, fix="run it again")
        return Outcome.FAILED, gone.message, gone
    if attempt.reason == Reason.ALREADY_VOIDED:
        gone_already = Conflict("the sale is voided already", cause="at the gateway, and not by csctl")
        return Outcome.REFUSED, gone_already.message, gone_already
    if attempt.reason == Reason.NEVER_EXECUTED:  # the gateway's own message
        absent = GatewayRefused(f"the {what} was never carried out", cause=said, fix="run it again")
        return Outcome.FAILED, absent.message, absent
    if attempt.reason in NEVER_CARRIED_OUT:
        nothing = Unreachable(f"the {what} was never carried out", cause=said, fix="run it again")
        return Outcome.FAILED, nothing.message, nothing
    refused = GatewayRefused(f"the gateway refused the {what}", cause=said)
    return Outcome(attempt.state.value), f"{refused.message}: {said}", refused
