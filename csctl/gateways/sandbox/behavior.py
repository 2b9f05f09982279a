"""What the sandbox answers: by the rules of a gateway, and then by the payment method's token."""

from __future__ import annotations

import re
import sqlite3
from datetime import datetime, tzinfo

from csctl.domain.money import to_minor
from csctl.domain.reasons import Reason
from csctl.domain.states import Kind, State
from csctl.gateways.operations import Answer, Operation
from csctl.gateways.sandbox.ledger import returned

_DECLINES_FIRST = re.compile(r"tok_refund_declined_(\d+)", re.ASCII)
_RETURNED_LATE = re.compile(r"tok_refund_returned_late(?:_(\d+))?", re.ASCII)
_OUTSIDE = re.compile(r"tok_outside_refund(?:_(\d+))?", re.ASCII)
_LATE = 5  # days after which a refund comes back, where the token does not say
YES = Answer(State.APPROVED)
PARTIAL = Answer(State.DECLINED, reason=Reason.DECLINED, message="Approved in part only; the part was voided")


def no(reason: Reason, message: str) -> Answer:
    return Answer(State.DECLINED, reason=reason, message=message)


# Before anything is executed.
_REFUSALS = {
    "tok_unreachable": Answer(State.FAILED, reason=Reason.UNREACHABLE, message="connection refused"),
    "tok_busy": Answer(State.FAILED, reason=Reason.BUSY, message="Too many requests", retry_after=1.0),
    "tok_duplicate": Answer(State.UNKNOWN, reason=Reason.DUPLICATE, message="Duplicate transaction"),
}
_CHARGES = {
    "tok_declined": no(Reason.DECLINED, "Card declined"),
    "tok_soft_declined": no(Reason.SOFT_DECLINED, "Insufficient funds"),
    "tok_authentication": no(Reason.AUTHENTICATION, "The customer must confirm the charge"),
    "tok_review": Answer(State.PENDING, reason=Reason.UNDER_REVIEW, message="Held for review"),
    "tok_partial_auth": PARTIAL,
}
# `tok_charge_REASON`, `tok_void_REASON`, `tok_refund_REASON`: how the operations of that kind are answered.
_BY_REASON = {
    **{reason.value: State.DECLINED for reason in Reason if reason is not Reason.RETURNED},
    **{reason.value: State.FAILED for reason in (Reason.REFUSED, Reason.DISPUTED, Reason.BUSY, Reason.UNREACHABLE)},
    Reason.UNDER_REVIEW.value: State.PENDING,
    **{reason.value: State.UNKNOWN for reason in (Reason.DUPLICATE, Reason.ANSWER_LOST, Reason.MISMATCH)},
}
_ALIASES = {"tok_disputed": "disputed", "tok_review": "under_review"}


def refusal(token: str) -> Answer | None:
    """The answer of a gateway that executes nothing for this token, whatever is asked."""
    return _REFUSALS.get(token)


def loses(books: sqlite3.Connection, op: Operation, token: str) -> str | None:
    """Whether the answer is lost, having been `applied` or not (`lost`): of a sale's first refund or void, and of the
    first charge of a token that says so.
    """
    kind, _, what = token.rpartition("_")
    if op.sale is None:
        first = kind == "tok_charge_timeout" and _is_first(books, "token", token)
    else:
        first = kind == "tok_timeout" and _is_first(books, "parent_ref", op.sale.reference)
    return what if first else None


def _is_first(books: sqlite3.Connection, column: str, value: str) -> bool:
    seen = (
        f"SELECT 1 FROM operations WHERE {column} = ?"  # noqa: S608 - ours
        " UNION ALL SELECT 1 FROM lost_answers WHERE ref = ?"
    )
    return books.execute(seen, (value, value)).fetchone() is None


def decide(
    books: sqlite3.Connection, op: Operation, sale: sqlite3.Row | None, token: str, *, settled: bool, early: bool
) -> Answer:
    """What a gateway would say, by its own rules and then by the token's. `early`: it refunds what has not settled."""
    if sale is None:
        return _CHARGES.get(token) or _by_reason("Charge", token.removeprefix("tok_charge_")) or YES
    if sale["voided"]:
        return no(Reason.ALREADY_VOIDED, "The transaction was voided")
    if op.kind is Kind.VOID:
        if settled:
            return no(Reason.ALREADY_SETTLED, "Only unsettled transactions can be voided")
        return _by_reason("Void", token.removeprefix("tok_void_")) or YES
    if op.kind is Kind.CAPTURE:
        return _capture(books, op, sale)
    if not settled and not early:
        return no(Reason.NOT_SETTLED, "The transaction has not settled")
    if returned(books, sale["ref"]) + op.amount > sale["amount"]:
        return no(Reason.OVER_AMOUNT, "Refund amount may not exceed the transaction balance")
    if match := _DECLINES_FIRST.fullmatch(token):
        return no(Reason.DECLINED, "Refund declined by the issuer") if _declined(books, sale) < int(match[1]) else YES
    if token == "tok_pending":
        return Answer(State.PENDING)
    return _by_reason("Refund", _ALIASES.get(token, token.removeprefix("tok_refund_"))) or YES


def _capture(books: sqlite3.Connection, op: Operation, sale: sqlite3.Row) -> Answer:
    done = books.execute(
        "SELECT 1 FROM operations WHERE parent_ref = ? AND kind = 'capture'", (sale["ref"],)
    ).fetchone()
    if sale["kind"] != Kind.AUTHORIZE or done:
        return no(Reason.ALREADY_SETTLED, "The transaction was captured")
    return YES if op.amount <= sale["amount"] else no(Reason.OVER_AMOUNT, "More than was authorized")


def _by_reason(what: str, word: str) -> Answer | None:
    if word not in _BY_REASON:
        return None
    state, reason = _BY_REASON[word], Reason(word)
    plain = word.replace("_", " ")
    said = {State.PENDING: f"{what} held for review", State.UNKNOWN: f"{what} without a clear answer: {plain}"}
    if reason is Reason.DECLINED:
        said[state] = f"{what} declined by the issuer"
    return Answer(state, reason=reason, message=said.get(state, f"{what} refused: {plain}"))


def _declined(books: sqlite3.Connection, sale: sqlite3.Row) -> int:
    found = books.execute(
        "SELECT count(*) FROM operations WHERE parent_ref = ? AND kind = 'refund' AND result = 'declined'",
        (sale["ref"],),
    ).fetchone()
    return int(found[0])


def returned_by_others(books: sqlite3.Connection, sale: sqlite3.Row, token: str) -> int:
    """The minor units of a sale returned on the gateway's own page, once: all, or `_N` whole units."""
    match = _OUTSIDE.fullmatch(token)
    if match is None or _is_done(books, sale):
        return 0
    remaining = int(sale["amount"]) - returned(books, sale["ref"])
    return min(remaining, to_minor(match[1], sale["currency"])) if match[1] else remaining


def _is_done(books: sqlite3.Connection, sale: sqlite3.Row) -> bool:
    seen = "SELECT 1 FROM operations WHERE parent_ref = ? AND kind = 'refund' AND key IS NULL"
    return books.execute(seen, (sale["ref"],)).fetchone() is not None


def carried_out(token: str, kind: Kind, amount: int) -> int:
    """The minor units that the sandbox moves for an amount that it was asked for: another one, by some tokens."""
    if token == "tok_amount_mismatch" and kind is Kind.REFUND:
        return max(1, amount // 2)
    return max(1, amount // 2) if token == "tok_partial_auth" and kind is Kind.SALE else amount


def caught_up(books: sqlite3.Connection, row: sqlite3.Row, now: datetime, zone: tzinfo) -> sqlite3.Row:
    """The operation after what the days since then brought: pending ones are approved, some refunds come back."""
    result, reason = row["result"], row["reason"]
    at = datetime.fromisoformat(row["at"])
    days = (now.astimezone(zone).date() - at.astimezone(zone).date()).days
    if days < 1:
        return row
    if result == State.PENDING:
        result, reason = State.APPROVED, None
    elif result == State.APPROVED and row["kind"] == Kind.REFUND and days >= _comes_back_after(row["token"]):
        result = State.FAILED
        reason = Reason.CARD_CLOSED if row["token"] == "tok_refund_returned_card_closed" else Reason.RETURNED
    if result == row["result"]:
        return row
    books.execute("UPDATE operations SET result = ?, reason = ? WHERE id = ?", (str(result), reason, row["id"]))
    found: sqlite3.Row = books.execute("SELECT * FROM operations WHERE id = ?", (row["id"],)).fetchone()
    return found


def _comes_back_after(token: str) -> float:
    """The days after which a refund on this token comes back."""
    if token in ("tok_refund_returned", "tok_refund_returned_card_closed"):
        return 1
    if match := _RETURNED_LATE.fullmatch(token):
        return int(match[1] or _LATE) + 1  # the first midnight settles it
    return float("inf")
