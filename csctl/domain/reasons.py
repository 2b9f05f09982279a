"""Why an attempt at a gateway did not succeed, and what csctl does next: as data."""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """The reason of a failure, in csctl's words; every gateway translates its own codes to these."""

    DECLINED = "declined"  # the issuer or the gateway refused it, permanently
    SOFT_DECLINED = "soft_declined"  # refused for today
    AUTHENTICATION = "authentication"  # the customer must confirm the charge
    ALREADY_SETTLED = "already_settled"  # a void came too late
    NOT_SETTLED = "not_settled"  # a refund came too early
    ALREADY_VOIDED = "already_voided"
    ALREADY_REFUNDED = "already_refunded"
    OVER_AMOUNT = "over_amount"  # more than the remaining amount at the gateway
    UNKNOWN_REFERENCE = "unknown_reference"  # of a sale that csctl has: the wrong account
    DUPLICATE = "duplicate"  # the gateway takes it for a repetition; neither success nor failure
    BUSY = "busy"  # rate limit, maintenance, lock timeout; nothing was executed
    UNREACHABLE = "unreachable"  # nothing was sent
    REFUSED = "refused"  # refused before execution: csctl's data, the same request cannot succeed tomorrow
    NEVER_EXECUTED = "never_executed"  # sent, and the gateway does not have it
    DISPUTED = "disputed"
    RECORDED_BY_MISTAKE = "recorded_by_mistake"  # an outside refund that an administrator withdrew
    RETURNED = "returned"  # approved, and the bank sent the money back
    CARD_CLOSED = "card_closed"  # returned, and no retry can succeed
    TOO_OLD = "too_old"
    NOT_REFUNDABLE = "not_refundable"
    BALANCE = "balance"  # the shop's balance at the gateway is too low
    UNDER_REVIEW = "under_review"
    ANSWER_LOST = "answer_lost"
    MISMATCH = "mismatch"  # the answer has another amount or currency than the request
    ABANDONED = "abandoned"  # never sent: its process has ended
    MISCONFIGURED = "misconfigured"

    @property
    def not_sent(self) -> bool:
        """Nothing was sent: the same may be sent again in the same run."""
        return self in (Reason.BUSY, Reason.UNREACHABLE)

    @property
    def not_there(self) -> bool:
        """The gateway did not have it, or it was never sent."""
        return self in (Reason.NEVER_EXECUTED, Reason.ABANDONED)

    @property
    def never_carried_out(self) -> bool:
        """No gateway has carried it out, or refused it as such."""
        return self.not_sent or self.not_there or self is Reason.MISCONFIGURED

    @property
    def read_totals(self) -> bool:
        """The gateway has returned more of the sale than the books say: its totals tell how much."""
        return self in (Reason.ALREADY_REFUNDED, Reason.OVER_AMOUNT)


class Refused(StrEnum):
    """What the refund queue does with a refund that did not succeed."""

    COUNT = "count"  # it counts as one of the attempts of a queued item
    WAIT = "wait"  # it was none, and the day's slot is free again
    TOMORROW = "tomorrow"  # it was none, and is not repeated on that day
    PERSON = "person"  # no retry can succeed: exhausted at once, and the Notify Emails receive a message
    TOTALS = "totals"  # the gateway's totals are read; where they explain nothing, as `person`
    NOTHING = "nothing"  # there is nothing to return: the sale is voided
    RELEASE = "release"  # csctl could not send it: a first refund has no effect at all


# What the queue does, by the reason of a refusal (domain rules, sections 3 and 4).
REFUND: dict[Reason, Refused] = {
    Reason.DECLINED: Refused.COUNT,
    Reason.SOFT_DECLINED: Refused.COUNT,
    Reason.AUTHENTICATION: Refused.COUNT,
    Reason.ALREADY_SETTLED: Refused.COUNT,
    Reason.NOT_SETTLED: Refused.WAIT,
    Reason.ALREADY_VOIDED: Refused.NOTHING,
    Reason.ALREADY_REFUNDED: Refused.TOTALS,
    Reason.OVER_AMOUNT: Refused.TOTALS,
    Reason.UNKNOWN_REFERENCE: Refused.RELEASE,
    Reason.DUPLICATE: Refused.TOMORROW,
    Reason.BUSY: Refused.WAIT,
    Reason.UNREACHABLE: Refused.WAIT,
    Reason.REFUSED: Refused.PERSON,
    Reason.NEVER_EXECUTED: Refused.TOMORROW,
    Reason.DISPUTED: Refused.WAIT,
    Reason.RETURNED: Refused.COUNT,
    Reason.CARD_CLOSED: Refused.PERSON,
    Reason.TOO_OLD: Refused.PERSON,
    Reason.NOT_REFUNDABLE: Refused.PERSON,
    Reason.BALANCE: Refused.COUNT,
    Reason.UNDER_REVIEW: Refused.COUNT,
    Reason.ANSWER_LOST: Refused.TOMORROW,
    Reason.MISMATCH: Refused.PERSON,
    Reason.ABANDONED: Refused.RELEASE,
    Reason.MISCONFIGURED: Refused.RELEASE,
    Reason.RECORDED_BY_MISTAKE: Refused.RELEASE,
}


class Uncharged(StrEnum):
    """The effect of a refused charge of a billing run on its purchase."""

    GIVE_UP = "give_up"  # `recycle_failed`: a person decides
    RETRY = "retry"  # `recycle_billing`, and charged again on the days of the setting
    CONFIRM = "confirm"  # `recycle_billing` without a day: the customer has to act first
    NEXT_RUN = "next_run"  # nothing was executed: it stays due
    ASK = "ask"  # the outcome is open: the gateway is asked again


# By the reason of a refusal. Those that no gateway answers to a charge are given up as well.
CHARGE: dict[Reason, Uncharged] = {
    **dict.fromkeys(Reason, Uncharged.GIVE_UP),
    Reason.SOFT_DECLINED: Uncharged.RETRY,
    Reason.AUTHENTICATION: Uncharged.CONFIRM,
    **dict.fromkeys((Reason.BUSY, Reason.UNREACHABLE, Reason.NEVER_EXECUTED), Uncharged.NEXT_RUN),
    **dict.fromkeys((Reason.ABANDONED, Reason.MISCONFIGURED), Uncharged.NEXT_RUN),
    **dict.fromkeys((Reason.DUPLICATE, Reason.UNDER_REVIEW, Reason.ANSWER_LOST, Reason.MISMATCH), Uncharged.ASK),
}


class Unvoided(StrEnum):
    """What follows from a void that was refused."""

    NOTHING = "nothing"  # the sale stays as it is, and the operator learns why
    REFUND = "refund"  # the sale has settled: `order refund` refunds it instead
    VOIDED = "voided"  # it was voided on the gateway's own page: the sale is marked
    DISPUTED = "disputed"  # the sale is marked
    REPEAT = "repeat"  # nothing was executed: it may be repeated; the void of a refund joins the queue if it was sent
    ASK = "ask"  # the outcome is open: the gateway is asked again


VOID: dict[Reason, Unvoided] = {
    **dict.fromkeys(Reason, Unvoided.NOTHING),
    Reason.ALREADY_SETTLED: Unvoided.REFUND,
    Reason.ALREADY_VOIDED: Unvoided.VOIDED,
    Reason.DISPUTED: Unvoided.DISPUTED,
    **dict.fromkeys((Reason.BUSY, Reason.UNREACHABLE, Reason.NEVER_EXECUTED), Unvoided.REPEAT),
    **dict.fromkeys((Reason.ABANDONED, Reason.MISCONFIGURED, Reason.UNKNOWN_REFERENCE), Unvoided.REPEAT),
    **dict.fromkeys((Reason.DUPLICATE, Reason.UNDER_REVIEW, Reason.ANSWER_LOST, Reason.MISMATCH), Unvoided.ASK),
}
# The sets above, for conditions in SQL and for reasons that may be none.
READ = frozenset(reason for reason in Reason if reason.read_totals)
NOT_SENT = frozenset(reason for reason in Reason if reason.not_sent)
NOT_THERE = frozenset(reason for reason in Reason if reason.not_there)
NEVER_CARRIED_OUT = frozenset(reason for reason in Reason if reason.never_carried_out)


def after_refund(reason: str | None) -> Refused:
    """What the queue does after a refusal for this reason. An unknown reason counts as an attempt."""
    return REFUND[Reason(reason)] if reason in {one.value for one in Reason} else Refused.COUNT


def after_charge(reason: Reason | None) -> Uncharged:
    """The effect on a purchase of a refusal for this reason; without one, a person decides."""
    return CHARGE[reason] if reason else Uncharged.GIVE_UP


def after_void(reason: Reason | None) -> Unvoided:
    """What follows from a void that was refused for this reason."""
    return VOID[reason] if reason else Unvoided.NOTHING
