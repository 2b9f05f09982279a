"""The meaning of Authorize.Net's response reason codes and message codes. The table is in `codes.csv`."""

from __future__ import annotations

import csv
from enum import StrEnum
from functools import cache
from importlib.resources import files

from csctl.domain.reasons import Reason
from csctl.domain.states import State


class Meaning(StrEnum):
    APPROVED = "approved"
    SOFT_DECLINED = "soft_declined"
    DECLINED = "declined"
    PENDING = "pending"  # held for review
    REFUSED = "refused"  # before execution
    NOT_SETTLED = "not_settled"
    ALREADY_SETTLED = "already_settled"
    ALREADY_VOIDED = "already_voided"  # 310 comes with responseCode 1
    ALREADY_CAPTURED = "already_captured"  # 311 too
    OVER_AMOUNT = "over_amount"
    UNKNOWN_REFERENCE = "unknown_reference"
    DUPLICATE = "duplicate"  # it may have been approved: ask
    PARTIAL = "partial"  # approved for less
    BUSY = "busy"
    MISCONFIGURED = "misconfigured"
    LOOK = "look"  # certainly refused; only the transaction's details show why
    ENVELOPE = "envelope"  # without meaning by itself
    UNKNOWN = "unknown"  # it may have been executed: ask


# The result of a code alone; the other meanings need more than the code.
OUTCOMES: dict[Meaning, tuple[State, Reason | None]] = {
    Meaning.SOFT_DECLINED: (State.DECLINED, Reason.SOFT_DECLINED),
    Meaning.DECLINED: (State.DECLINED, Reason.DECLINED),
    Meaning.PENDING: (State.PENDING, Reason.UNDER_REVIEW),
    Meaning.REFUSED: (State.FAILED, Reason.REFUSED),
    Meaning.NOT_SETTLED: (State.DECLINED, Reason.NOT_SETTLED),
    Meaning.ALREADY_SETTLED: (State.DECLINED, Reason.ALREADY_SETTLED),
    Meaning.ALREADY_VOIDED: (State.DECLINED, Reason.ALREADY_VOIDED),
    # This request captured nothing; csctl finds an earlier one by asking.
    Meaning.ALREADY_CAPTURED: (State.DECLINED, Reason.ALREADY_SETTLED),
    Meaning.OVER_AMOUNT: (State.DECLINED, Reason.OVER_AMOUNT),
    Meaning.UNKNOWN_REFERENCE: (State.DECLINED, Reason.UNKNOWN_REFERENCE),
    Meaning.DUPLICATE: (State.UNKNOWN, Reason.DUPLICATE),
    Meaning.BUSY: (State.FAILED, Reason.BUSY),
}


def meaning(code: str) -> Meaning:
    """The meaning of a code. An unlisted one is unknown: never success, and never certain."""
    return _table().get(code, Meaning.UNKNOWN)


@cache
def _table() -> dict[str, Meaning]:
    text = files(__package__).joinpath("codes.csv").read_text(encoding="ascii")
    return {row["code"]: Meaning(row["class"]) for row in csv.DictReader(text.splitlines())}
