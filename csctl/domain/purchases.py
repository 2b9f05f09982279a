"""The state transitions of a purchase (domain rules, section 5), as a table, and its calendar."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from csctl.domain import intervals
from csctl.domain.money import Money
from csctl.domain.states import PurchaseStatus as Status
from csctl.domain.states import any_of
from csctl.errors import Conflict, Usage

_MOST = 10**15  # minor units: a price below it is exact in every ledger and spreadsheet


class Operation(StrEnum):
    """A change of a purchase, each with the words of its command; and last, the outcomes of a billing."""

    TRIAL_RESTART = "trial restart"
    TRIAL_SKIP = "trial skip"
    TRIAL_STOP = "trial stop"
    OPTION = "option"
    PRICE = "price"
    BILLING_DATE = "billing-date"
    QUANTITY = "quantity"
    PAUSE = "pause"
    RESUME = "resume"
    CALL_OFF = "call off a cancellation"
    CANCEL = "cancel"
    SCHEDULE = "cancel --when"
    REACTIVATE = "reactivate"
    FORCE_BILL = "force-bill"
    BILL = "bill"
    BILL_LAST = "bill for the last time"
    DECLINE_SOFTLY = "decline softly"
    DECLINE = "decline"


# (state, operation) -> new state. All other transitions are refused.
TABLE: dict[tuple[Status, Operation], Status] = {
    (Status.TRIAL, Operation.TRIAL_RESTART): Status.TRIAL,
    (Status.TRIAL, Operation.TRIAL_SKIP): Status.ACTIVE,
    (Status.TRIAL, Operation.TRIAL_STOP): Status.CANCELLED,
    (Status.TRIAL, Operation.PAUSE): Status.PAUSED,
    (Status.TRIAL, Operation.SCHEDULE): Status.CANCELLATION_SCHEDULED,
    (Status.TRIAL, Operation.BILL): Status.ACTIVE,
    (Status.TRIAL, Operation.BILL_LAST): Status.COMPLETE,
    (Status.TRIAL, Operation.DECLINE_SOFTLY): Status.RECYCLE_BILLING,
    (Status.TRIAL, Operation.DECLINE): Status.RECYCLE_FAILED,
    (Status.ACTIVE, Operation.PAUSE): Status.PAUSED,
    (Status.ACTIVE, Operation.SCHEDULE): Status.CANCELLATION_SCHEDULED,
    (Status.ACTIVE, Operation.FORCE_BILL): Status.ACTIVE,
    (Status.ACTIVE, Operation.BILL): Status.ACTIVE,
    (Status.ACTIVE, Operation.BILL_LAST): Status.COMPLETE,
    (Status.ACTIVE, Operation.DECLINE_SOFTLY): Status.RECYCLE_BILLING,
    (Status.ACTIVE, Operation.DECLINE): Status.RECYCLE_FAILED,
    (Status.PAUSED, Operation.PAUSE): Status.PAUSED,  # until another day
    (Status.PAUSED, Operation.SCHEDULE): Status.CANCELLATION_SCHEDULED,
    (Status.RECYCLE_BILLING, Operation.SCHEDULE): Status.CANCELLATION_SCHEDULED,
    # A trial that was paused before its end is a trial again: see `after`.
    (Status.PAUSED, Operation.RESUME): Status.ACTIVE,
    (Status.RECYCLE_BILLING, Operation.FORCE_BILL): Status.ACTIVE,
    (Status.RECYCLE_BILLING, Operation.BILL): Status.ACTIVE,
    (Status.RECYCLE_BILLING, Operation.BILL_LAST): Status.COMPLETE,
    (Status.RECYCLE_BILLING, Operation.DECLINE_SOFTLY): Status.RECYCLE_BILLING,
    (Status.RECYCLE_BILLING, Operation.DECLINE): Status.RECYCLE_FAILED,
    (Status.RECYCLE_FAILED, Operation.FORCE_BILL): Status.ACTIVE,
    (Status.RECYCLE_FAILED, Operation.BILL): Status.ACTIVE,
    (Status.RECYCLE_FAILED, Operation.BILL_LAST): Status.COMPLETE,
    # A cancellation that was scheduled before the decline: it is withdrawn without a change of state.
    (Status.RECYCLE_BILLING, Operation.CALL_OFF): Status.RECYCLE_BILLING,
    (Status.RECYCLE_FAILED, Operation.CALL_OFF): Status.RECYCLE_FAILED,
    # scheduled for another moment, or withdrawn
    (Status.CANCELLATION_SCHEDULED, Operation.SCHEDULE): Status.CANCELLATION_SCHEDULED,
    (Status.CANCELLATION_SCHEDULED, Operation.RESUME): Status.ACTIVE,
    (Status.CANCELLATION_SCHEDULED, Operation.FORCE_BILL): Status.CANCELLATION_SCHEDULED,
    (Status.CANCELLATION_SCHEDULED, Operation.BILL): Status.CANCELLATION_SCHEDULED,
    (Status.CANCELLATION_SCHEDULED, Operation.BILL_LAST): Status.COMPLETE,
    (Status.CANCELLATION_SCHEDULED, Operation.DECLINE_SOFTLY): Status.RECYCLE_BILLING,
    (Status.CANCELLATION_SCHEDULED, Operation.DECLINE): Status.RECYCLE_FAILED,
}
TABLE[Status.CANCELLED, Operation.REACTIVATE] = Status.ACTIVE
# A purchase that is not over can be changed and cancelled, in every state.
for _status in Status:
    if not _status.over:
        for _operation in (Operation.OPTION, Operation.PRICE, Operation.QUANTITY):
            TABLE[_status, _operation] = _status
        TABLE[_status, Operation.CANCEL] = Status.CANCELLED
        if _status is not Status.RECYCLE_FAILED:  # this one has no next billing until it is billed by hand
            TABLE[_status, Operation.BILLING_DATE] = _status

_CANNOT = {
    Operation.TRIAL_RESTART: "its trial cannot be restarted",
    Operation.TRIAL_SKIP: "it has no trial to skip",
    Operation.TRIAL_STOP: "it has no trial to stop",
    Operation.OPTION: "its option cannot be changed",
    Operation.PRICE: "its price point cannot be changed",
    Operation.BILLING_DATE: "its billing date cannot be changed",
    Operation.QUANTITY: "its quantity cannot be changed",
    Operation.PAUSE: "it cannot be paused",
    Operation.RESUME: "there is nothing to resume",
    Operation.REACTIVATE: "it cannot be reactivated",
    Operation.CANCEL: "it cannot be cancelled",
    Operation.SCHEDULE: "its cancellation cannot be scheduled",
    Operation.FORCE_BILL: "it cannot be billed",
}
# The next step from each state: what a refused operator most likely wants.
_INSTEAD: dict[Status, tuple[str, ...]] = {
    Status.TRIAL: ("trial skip {}", "trial restart {}", "trial stop {}", "cancel {}"),
    Status.ACTIVE: ("force-bill {}", "pause {} --until DATE", "cancel {}"),
    Status.PAUSED: ("resume {}", "cancel {}"),
    Status.RECYCLE_BILLING: ("force-bill {}", "cancel {}"),
    Status.RECYCLE_FAILED: ("force-bill {}", "cancel {}"),
    Status.CANCELLATION_SCHEDULED: ("resume {}", "cancel {}"),
}


def after(name: str, status: Status, operation: Operation, *, in_trial: bool = False) -> Status:
    """Return the state after an operation. Raises Conflict, naming commands that work; `name` is its id.

    `in_trial`: its trial has not ended, so that resuming makes it a trial again.
    """
    try:
        then = TABLE[status, operation]
    except KeyError:
        raise Conflict(
            f"{name} is {status.value}: {_CANNOT.get(operation, 'it cannot be billed')}",
            cause=f"that is possible for one that is {any_of(state for state, what in TABLE if what is operation)}",
            fix=instead(name, status),
        ) from None
    return Status.TRIAL if operation is Operation.RESUME and in_trial else then


def instead(name: str, status: Status) -> str:
    """The commands that a purchase in this state allows."""
    if status is Status.CANCELLED:
        return f"csctl purchase reactivate {name}, if it is a subscription that shall go on"
    if status.over:
        return f"nothing more can be done with it: csctl purchase show {name}"
    return " or ".join(f"csctl purchase {words.format(name)}" for words in _INSTEAD[status])


def refuse_billed_elsewhere(name: str, billed_by: str | None) -> None:
    """Raises Conflict for a purchase that another system bills: two systems would charge the customer twice."""
    if billed_by:
        raise Conflict(
            f"{name} is billed by {billed_by}",
            cause="csctl neither charges it nor changes its terms",
            fix=f"do it in {billed_by}, or let an administrator run: csctl purchase billing-owner {name} csctl",
        )


def cancel_there_too(billed_by: str | None) -> str:
    """What else has to be done after a cancellation here; empty for a purchase that csctl bills."""
    return f"it is billed by {billed_by}: cancel it there, too" if billed_by else ""


# -- prices


def priced(quantity: int, unit_price: int, currency: str) -> Money:
    """quantity x unit price (minor units). Raises Usage for a negative price, or one that is too large."""
    return require_price(Money(quantity * unit_price, currency))


def require_price(price: Money) -> Money:
    """The price, if it is valid. Raises Usage for a negative one, or one that is too large."""
    if not 0 <= price.amount < _MOST:
        raise Usage(f"invalid price {price}", fix="give a unit price such as 19.99")
    return price


# -- the time of a cancellation


@dataclass(frozen=True)
class When:
    """The moment of a cancellation: on a day, before or after the next billing, or (none of these) now."""

    on: date | None = None
    before_next: bool = False
    after_next: bool = False

    @property
    def now(self) -> bool:
        return self == When()

    def for_one_billed(self, name: str, next_bill_on: date | None, today: date) -> When:
        """Its meaning for a purchase: now, on a later day, or after its next billing.

        Cancelled on a day means before that day's billing. Raises Conflict if there is no next billing.
        """
        if (self.before_next or self.after_next) and next_bill_on is None:
            raise Conflict(
                f"{name} has no next billing",
                cause="so nothing can happen before or after it",
                fix=f"csctl purchase cancel {name}",
            )
        day = next_bill_on if self.before_next else self.on
        return When() if day is not None and day <= today else When(on=day, after_next=self.after_next)

    def __str__(self) -> str:
        return str(self.on) if self.on else "after-next" if self.after_next else "now"


def when(text: str, today: date) -> When:
    """The moment for `now`, `after-next`, `before-next` or a date. Raises Usage for a past day."""
    if text in ("now", "after-next", "before-next"):
        return When(before_next=text == "before-next", after_next=text == "after-next")
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise Usage(
            f"{text[:40]!r} is not a valid time", fix="write now, after-next, before-next, or a date like 2026-03-01"
        ) from None
    require_not_past(day, today)
    return When(on=day)


# -- the calendar


def require_not_past(day: date, today: date) -> None:
    """Raises Usage for a day before today, the shop's business day."""
    if day < today:
        raise Usage(f"{day} is in the past", cause=f"today is {today}", fix="choose today or a later day")


def trial_end(today: date, days: int) -> date:
    """The day on which a trial that starts today is billed: today itself, if it has no days."""
    return today + timedelta(days=days)


def next_billing(interval: str, due: date, billing_day: int | None) -> date:
    """The billing day after the one that was `due`; `billing_day` is the preferred day of the month."""
    return intervals.parse(interval).after(due, billing_day)


def in_trial(trial_ends_on: date | None, cycle: int, today: date) -> bool:
    """Whether a trial has not ended. Checkout is cycle 1; the billing of cycle 2 ends the trial."""
    return trial_ends_on is not None and cycle <= 1 and trial_ends_on >= today


def billing_resumes(next_bill_on: date | None, today: date) -> date:
    """When a paused purchase is billed next: on its day, or on the day on which the pause ends if that is later."""
    return max(next_bill_on or today, today)
