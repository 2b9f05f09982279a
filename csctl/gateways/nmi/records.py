"""A transaction from `query.php`, in csctl's words."""

from __future__ import annotations

from datetime import datetime

from csctl.domain.reasons import Reason
from csctl.domain.states import Kind, Settlement, State
from csctl.gateways.nmi import codes
from csctl.gateways.nmi.query import Action, Transaction
from csctl.gateways.operations import Answer, Found

_PAID = ("sale", "capture")
_CHARGED = ("sale", "capture", "auth")
_RETURNED = ("return", "late_return", "check_return", "check_late_return")
_CANCELED = ("canceled", "cancelled")


def kind_of(transaction: Transaction) -> Kind | None:
    """The kind of a transaction; None for kinds that csctl does not use (credits, validations)."""
    types = {action.type for action in transaction.actions}
    if types & {"sale", "capture"}:
        return Kind.SALE
    if "auth" in types:
        return Kind.AUTHORIZE
    return Kind.REFUND if "refund" in types else None


def is_refund(transaction: Transaction) -> bool:
    """Whether it is a refund itself, and not the refunded sale."""
    return kind_of(transaction) is Kind.REFUND


def found(transaction: Transaction, kind: Kind) -> Found:
    """An operation of `kind` with this reference."""
    if kind is Kind.VOID:
        return _void(transaction)
    if kind is Kind.REFUND:
        return _refund(transaction)
    return _charge(transaction, kind)


def _charge(transaction: Transaction, kind: Kind) -> Found:
    done = transaction.did(*_CHARGED)
    paid = transaction.did(*_PAID)
    action = next(reversed(paid or done), None)
    settled = transaction.condition == "complete"
    settled_at = _settled_at(transaction) if settled else None
    settlement = None
    if action and transaction.condition not in ("failed", "abandoned"):
        settlement = Settlement.SETTLED if settled else Settlement.UNSETTLED
    return Found(
        _answer(transaction, _charge_state(transaction, kind, action), action, settlement, settled_at),
        settlement=settlement,
        settled_at=settled_at,
        voided=transaction.condition in _CANCELED,
        captured=bool(paid),
        refunded_total=sum(one.amount or 0 for one in transaction.did("refund")),
    )


def _charge_state(transaction: Transaction, kind: Kind, action: Action | None) -> tuple[State, Reason | None]:
    condition = transaction.condition
    if transaction.did(*_RETURNED):
        return State.FAILED, Reason.RETURNED
    if condition == "abandoned":
        return State.FAILED, Reason.NEVER_EXECUTED
    if condition == "failed":
        return _failed(transaction, bool(action))
    if condition == "in_progress" or (condition == "pending" and action is None):
        return State.PENDING, None
    if action is None or condition not in ("complete", "pendingsettlement", "pending", *_CANCELED):
        return State.UNKNOWN, None
    if kind is Kind.CAPTURE and action.type not in _PAID:
        return State.FAILED, Reason.NEVER_EXECUTED
    return State.APPROVED, None


def _failed(transaction: Transaction, approved: bool) -> tuple[State, Reason | None]:
    """Declined at once, or approved and then not settled: the money did not arrive, or was returned."""
    if approved:
        return State.FAILED, Reason.RETURNED
    last = transaction.actions[-1] if transaction.actions else None
    return State.DECLINED, codes.declined(last.code if last else "")


def _refund(transaction: Transaction) -> Found:
    done = transaction.did("refund")
    action = done[-1] if done else None
    own = is_refund(transaction)  # else the condition is that of the sale
    settled = own and transaction.condition == "complete"
    settled_at = _settled_at(transaction) if settled else None
    settlement = (Settlement.SETTLED if settled else Settlement.UNSETTLED) if own and action else None
    state = _refund_state(transaction, action) if own else _refund_in_sale(done)
    return Found(
        _answer(transaction, state, action, settlement, settled_at),
        settlement=settlement,
        settled_at=settled_at,
    )


def _refund_state(transaction: Transaction, action: Action | None) -> tuple[State, Reason | None]:
    condition = transaction.condition
    if transaction.did(*_RETURNED):
        return State.FAILED, Reason.RETURNED
    if condition in _CANCELED or condition == "abandoned":  # a user of the gateway's page voided the refund
        return State.FAILED, Reason.NEVER_EXECUTED
    if condition == "failed":
        return _failed(transaction, bool(action))
    if condition in ("pending", "in_progress"):
        return State.PENDING, None
    if action is None or condition not in ("complete", "pendingsettlement"):
        return State.UNKNOWN, None
    return State.APPROVED, None


def _refund_in_sale(done: list[Action]) -> tuple[State, Reason | None]:
    return (State.APPROVED, None) if len(done) == 1 else (State.UNKNOWN, None)


def _void(transaction: Transaction) -> Found:
    state: tuple[State, Reason | None] = (State.UNKNOWN, None)
    if transaction.condition in _CANCELED:
        state = (State.APPROVED, None)
    elif transaction.condition == "complete":
        state = (State.DECLINED, Reason.ALREADY_SETTLED)
    return Found(_answer(transaction, state, None, None, None), voided=state[0] is State.APPROVED)


def _answer(
    transaction: Transaction,
    state: tuple[State, Reason | None],
    action: Action | None,
    settlement: Settlement | None,
    settled_at: datetime | None,
) -> Answer:
    return Answer(
        state[0],
        reference=transaction.id,
        reason=state[1],
        message=None,
        amount=action.amount if action else None,
        currency=transaction.currency,
        settlement=settlement,
        settled_at=settled_at,
        code=transaction.condition,
    )


def _settled_at(transaction: Transaction) -> datetime | None:
    settles = transaction.did("settle")
    return settles[-1].at if settles else transaction.changed_at
