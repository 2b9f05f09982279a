"""Why an attempt at a gateway did not succeed, and what csctl does next: as data."""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """Why something did not succeed, in csctl's words; every gateway translates its own codes to these."""

    DECLINED = "declined"  # the issuer or the gateway said no, for good
    SOFT_DECLINED = "soft_declined"  # no for today
    AUTHENTICATION = "authentication"  # the customer would have to confirm the charge
    ALREADY_SETTLED = "already_settled"  # a void came too late
    NOT_SETTLED = "not_settled"  # a refund came too early
    ALREADY_VOIDED = "already_voided"
    ALREADY_REFUNDED = "already_refunded"
    OVER_AMOUNT = "over_amount"  # more than the gateway says remains
    UNKNOWN_REFERENCE = "unknown_reference"  # of a sale that we know: the wrong account
    DUPLICATE = "duplicate"  # the gateway takes it for a repeat; neither success nor failure
    BUSY = "busy"  # rate limit, maintenance, lock time-out; nothing was executed
    UNREACHABLE = "unreachable"  # nothing was sent
    REFUSED = "refused"  # refused before execution: our data, the same request cannot succeed tomorrow
    NEVER_EXECUTED = "never_executed"  # sent, and the gateway says that it never happened
    DISPUTED = "disputed"
    RECORDED_BY_MISTAKE = "recorded_by_mistake"  # an outside refund that an administrator took back
    RETURNED = "returned"  # approved, and the bank sent the money back
    CARD_CLOSED = "card_closed"  # returned, and no retry can succeed
    TOO_OLD = "too_old"
    NOT_REFUNDABLE = "not_refundable"
    BALANCE = "balance"  # the shop's balance at the gateway is too low
    UNDER_REVIEW = "under_review"
    ANSWER_LOST = "answer_lost"
    MISMATCH = "mismatch"  # the answer's amount or currency is not what was asked
    ABANDONED = "abandoned"  # never sent: its worker is gone
    MISCONFIGURED = "misconfigured"
