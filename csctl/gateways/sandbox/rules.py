"""What the sandbox answers: a gateway's own rules first, then what the payment method's token says."""

from __future__ import annotations

import re
import sqlite3

from csctl.domain.reasons import Reason
from csctl.domain.states import Kind, State
from csctl.gateways.operations import Answer, Operation

LOST = Answer(State.UNKNOWN, reason=Reason.ANSWER_LOST, message="the connection timed out")
_DECLINES_FIRST = re.compile(r"tok_refund_declined_(\d+)", re.ASCII)
# `tok_refund_REASON`: how the refunds of a sale are answered.
_REFUSALS = {
    **{reason.value: State.DECLINED for reason in Reason if reason is not Reason.RETURNED},
    **{reason.value: State.FAILED for reason in (Reason.REFUSED, Reason.DISPUTED, Reason.BUSY, Reason.UNREACHABLE)},
    Reason.UNDER_REVIEW.value: State.PENDING,
    **{reason.value: State.UNKNOWN for reason in (Reason.DUPLICATE, Reason.ANSWER_LOST, Reason.MISMATCH)},
}
_ALIASES = {
    "tok_busy": "busy",
    "tok_disputed": "disputed",
    "tok_duplicate": "duplicate",
    "tok_review": "under_review",
}
_PAID = "SELECT coalesce(sum(amount), 0) FROM operations WHERE parent_ref = ? AND kind = 'refund'"


def decide(
    ledger: sqlite3.Connection, op: Operation, sale: sqlite3.Row | None, token: str, *, settled: bool, voidable: bool
) -> Answer:
    """The answer to an operation on a `sale`, or to a charge. `voidable`: a captured sale can be voided at all."""
    if sale is None:
        return _charge(token)
    if sale["voided"]:
        return _no(Reason.ALREADY_VOIDED, "The transaction was voided")
    if op.kind is Kind.VOID:
        if settled or not (voidable or sale["kind"] == Kind.AUTHORIZE):
            return _no(Reason.ALREADY_SETTLED, "Only unsettled transactions can be voided")
        return _yes()
    if not settled:
        return _no(Reason.NOT_SETTLED, "The transaction has not settled")
    if returned(ledger, sale["ref"]) + op.amount > sale["amount"]:
        return _no(Reason.OVER_AMOUNT, "Refund amount may not exceed the transaction balance")
    return _refund(ledger, sale["ref"], token)


def returned(ledger: sqlite3.Connection, ref: str) -> int:
    """What was returned of a sale in all, minor units."""
    paid: int = ledger.execute(f"{_PAID} AND result IN ('approved', 'pending')", (ref,)).fetchone()[0]
    return paid


def loses(ledger: sqlite3.Connection, op: Operation, token: str) -> str | None:
    """Whether the answer is lost, having been `applied` or not (`lost`): of a sale's first refund or void, and of the
    first charge of a token that says so.
    """
    kind, _, what = token.rpartition("_")
    if op.sale is None:
        first = kind == "tok_charge_timeout" and _is_first(ledger, "token", token)
    else:
        first = kind == "tok_timeout" and _is_first(ledger, "parent_ref", op.sale.reference)
    return what if first else None


def _is_first(ledger: sqlite3.Connection, column: str, value: str) -> bool:
    seen = f"SELECT 1 FROM operations WHERE {column} = ? UNION ALL SELECT 1 FROM lost_answers WHERE ref = ?"  # noqa: S608 - ours
    return ledger.execute(seen, (value, value)).fetchone() is None


def _refund(ledger: sqlite3.Connection, ref: str, token: str) -> Answer:
    reason = _ALIASES.get(token, token.removeprefix("tok_refund_"))
    if token in _ALIASES or (token.startswith("tok_refund_") and reason in _REFUSALS):
        said = "Refund declined by the issuer" if reason == Reason.DECLINED else f"Refund refused: {reason}"
        return Answer(_REFUSALS[reason], reason=Reason(reason), message=said)
    if match := _DECLINES_FIRST.fullmatch(token):
        declined = ledger.execute(
            "SELECT count(*) FROM operations WHERE parent_ref = ? AND kind = 'refund' AND result = 'declined'", (ref,)
        ).fetchone()[0]
        return _no(Reason.DECLINED, "Refund declined by the issuer") if declined < int(match[1]) else _yes()
    return Answer(State.PENDING) if token == "tok_pending" else _yes()


def _charge(token: str) -> Answer:
    if token == "tok_declined":
        return _no(Reason.DECLINED, "Card declined")
    if token == "tok_soft_declined":
        return _no(Reason.SOFT_DECLINED, "Insufficient funds")
    return _yes()


def _yes() -> Answer:
    return Answer(State.APPROVED)


def _no(reason: Reason, message: str) -> Answer:
    return Answer(State.DECLINED, reason=reason, message=message)
