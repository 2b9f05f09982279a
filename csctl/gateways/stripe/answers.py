"""Stripe's answer to a charge, capture, void or refund."""

from __future__ import annotations

from dataclasses import replace

from csctl.domain.reasons import Reason
from csctl.domain.states import Kind, State
from csctl.gateways.operations import Answer, Operation
from csctl.gateways.stripe import codes, objects
from csctl.gateways.stripe.account import Account, Object, child, text
from csctl.gateways.transport import Reply, too_many

_CARD = 402
_BUSY = 429
_ACCOUNT = (401, 403)
_REFUSED = (400, 404, 409)


def read(account: Account, reply: Reply, op: Operation) -> Answer:
    """Read the answer to `op`. Raises AnswerLost for an unreadable one, Misconfigured if the account is refused."""
    request_id = reply.headers.get("request-id")
    if reply.status == _BUSY:
        return replace(too_many(reply), request_id=request_id)
    if reply.status in _ACCOUNT:
        error = _error(reply)
        if text(error, "code") == "anomalous_money_movement_request":
            return _refused(account, error, op)
        raise account.misconfigured(error)
    if reply.status == 200:
        return replace(_done(account, reply, op), request_id=request_id)
    if reply.status == _CARD:
        return replace(_declined(account, _error(reply), op), request_id=request_id)
    if reply.status in _REFUSED:
        return replace(_refused(account, _error(reply), op), request_id=request_id)
    raise reply.unreadable("it says neither yes nor no")  # Stripe stores a 500 and repeats it under the same key: ask


def _error(reply: Reply) -> Object:
    error = child(reply.json(), "error")
    if not text(error, "type"):
        raise reply.unreadable("it names no error")
    return error


def _done(account: Account, reply: Reply, op: Operation) -> Answer:
    shown = reply.json()
    if op.kind is Kind.REFUND:
        if text(shown, "object") != "refund" or not objects.is_refund_of(shown, op):
            raise reply.unreadable("it is about another operation")
        return _with_amount(reply, objects.refund(shown).answer)
    if text(shown, "object") == "charge" and op.kind is Kind.CAPTURE:
        return objects.charge_found(shown, None).answer
    if text(shown, "object") != "payment_intent":
        raise reply.unreadable("it is about another operation")
    if op.kind.charges_card and objects.key_of(shown) != op.key:
        raise reply.unreadable("it is about another operation")
    if op.sale is not None and text(shown, "id") != op.sale.reference:
        raise reply.unreadable("it is about another operation")
    answer = objects.intent(shown, op.kind)
    if op.kind is not Kind.VOID:
        answer = _with_amount(reply, answer)
    error = child(shown, "last_payment_error")
    return replace(answer, message=account.clean(error.get("message")) if error else None)


def _with_amount(reply: Reply, answer: Answer) -> Answer:
    """The answer, if an approval says what was moved. Raises AnswerLost."""
    if answer.state is State.APPROVED and (answer.amount is None or answer.currency is None):
        raise reply.unreadable("it names no amount")
    return answer


def _declined(account: Account, error: Object, op: Operation) -> Answer:
    """A decline of the card. `reference` is the intent: a charge without one stays unknown, because the customer could
    confirm it later.
    """
    code, decline = text(error, "code"), text(error, "decline_code")
    left, message = _left(error, op), account.clean(error.get("message"))
    if op.sale is None and left is None:
        return Answer(State.UNKNOWN, message=message, code=decline or code or None)
    reason = codes.declined(code, decline, text(error, "advice_code"))
    return Answer(State.DECLINED, left, reason, message, code=decline or code or None)


def _left(error: Object, op: Operation) -> str | None:
    """The payment intent of a refused charge."""
    return (text(child(error, "payment_intent"), "id") or None) if op.sale is None else None


def _refused(account: Account, error: Object, op: Operation) -> Answer:
    code, kind = text(error, "code"), text(error, "type")
    message = account.clean(error.get("message"))
    if kind == "idempotency_error" or code == "idempotency_key_in_use":
        return Answer(State.UNKNOWN, message=message, code=code or kind)
    if code in ("resource_missing", "livemode_mismatch"):
        return Answer(State.DECLINED, reason=Reason.UNKNOWN_REFERENCE, message=message, code=code)
    if code == "payment_intent_unexpected_state":
        return _unexpected(child(error, "payment_intent"), op, message)
    state, reason = codes.refused(op.kind, code, text(error, "param"))
    return Answer(state, _left(error, op), reason, message, code=code or kind)


def _unexpected(intent: Object, op: Operation, message: str | None) -> Answer:
    """The error for an intent in another state than the operation needs, with its state."""
    status, code = text(intent, "status"), "payment_intent_unexpected_state"
    if op.kind.acts_on_charge and status == "succeeded":
        return Answer(State.DECLINED, None, Reason.ALREADY_SETTLED, message, code=code)
    if status == "canceled":
        return Answer(State.DECLINED, None, Reason.ALREADY_VOIDED, message, code=code)
    if op.kind is Kind.REFUND and status == "requires_capture":
        return Answer(State.DECLINED, None, Reason.NOT_SETTLED, message, code=code)
    return Answer(State.UNKNOWN, message=message, code=code)
