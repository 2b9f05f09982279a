"""The states and kinds of records, as they are stored and shown."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum


class Kind(StrEnum):
    """What a transaction does at the gateway. Declared in an order in which each may follow those before it."""

    AUTHORIZE = "authorize"
    CAPTURE = "capture"
    SALE = "sale"
    VOID = "void"
    REFUND = "refund"

    @property
    def is_charge(self) -> bool:
        """It charges a card or holds an amount on it: what can be voided."""
        return self in (Kind.AUTHORIZE, Kind.CAPTURE, Kind.SALE)

    @property
    def charges_card(self) -> bool:
        """It names a card, and no earlier transaction."""
        return self in (Kind.AUTHORIZE, Kind.SALE)

    @property
    def takes_money(self) -> bool:
        """It takes money: what can be refunded."""
        return self in (Kind.CAPTURE, Kind.SALE)

    @property
    def acts_on_charge(self) -> bool:
        """It ends or finishes a charge, which gateways then show under the reference of that charge."""
        return self in (Kind.VOID, Kind.CAPTURE)

    @property
    def settles(self) -> bool:
        """It moves money, and settles some days later."""
        return self.takes_money or self is Kind.REFUND

    @property
    def is_return(self) -> bool:
        """It gives money back."""
        return self in (Kind.VOID, Kind.REFUND)

    def may_belong_to(self, parent: Kind) -> bool:
        """Whether it can be made of an approved transaction of that kind."""
        if self is Kind.REFUND:
            return parent.takes_money
        if self is Kind.VOID:
            return parent.is_charge
        return self is Kind.CAPTURE and parent is Kind.AUTHORIZE


class State(StrEnum):
    """The progress of one attempt at a gateway."""

    CREATED = "created"
    SENT = "sent"
    APPROVED = "approved"
    DECLINED = "declined"
    FAILED = "failed"
    PENDING = "pending"
    UNKNOWN = "unknown"

    @property
    def refused(self) -> bool:
        """It is certain that no money moved."""
        return self in (State.DECLINED, State.FAILED)

    @property
    def accepted(self) -> bool:
        """The gateway carries it out, or has done so."""
        return self in (State.APPROVED, State.PENDING)

    @property
    def undecided(self) -> bool:
        """It reached the gateway, or may have, and only the gateway knows its outcome."""
        return self in (State.PENDING, State.UNKNOWN)

    @property
    def closed(self) -> bool:
        """The outcome is final, as far as an answer can be."""
        return self is State.APPROVED or self.refused

    @property
    def unanswered(self) -> bool:
        """The gateway has not answered yet: not sent, or the call is under way."""
        return self in (State.CREATED, State.SENT)


class Occasion(StrEnum):
    """Why a customer is charged."""

    CHECKOUT = "checkout"
    RUN = "run"  # the billing run found it due
    FORCED = "forced"  # an operator bills the next cycle now
    TRIAL_SKIP = "trial_skip"


class Settlement(StrEnum):
    """Whether the gateway's batch closed and the money moved."""

    UNSETTLED = "unsettled"
    SETTLED = "settled"


class Outside(StrEnum):
    """How money was returned that csctl did not send."""

    PAYMENT = "payment"  # a cheque, a transfer, the gateway's own page: an operator recorded it
    CHARGEBACK = "chargeback"  # the bank returned it
    GATEWAY = "gateway"  # on the gateway's own page: learned from the gateway


class OrderStatus(StrEnum):
    PENDING = "pending"
    COMPLETE = "complete"
    DECLINED = "declined"
    CANCELLED = "cancelled"
    REFUNDED = "refunded"

    @property
    def confirmed(self) -> bool:
        """Its checkout succeeded, whatever happened later."""
        return self not in (OrderStatus.PENDING, OrderStatus.DECLINED)


class PurchaseStatus(StrEnum):
    TRIAL = "trial"
    ACTIVE = "active"
    PAUSED = "paused"
    RECYCLE_BILLING = "recycle_billing"
    RECYCLE_FAILED = "recycle_failed"
    CANCELLATION_SCHEDULED = "cancellation_scheduled"
    CANCELLED = "cancelled"
    COMPLETE = "complete"

    @property
    def over(self) -> bool:
        """Nothing is billed any more."""
        return self in (PurchaseStatus.CANCELLED, PurchaseStatus.COMPLETE)

    @property
    def billed(self) -> bool:
        """The daily run bills it on its day."""
        return self in (
            PurchaseStatus.TRIAL,
            PurchaseStatus.ACTIVE,
            PurchaseStatus.RECYCLE_BILLING,
            PurchaseStatus.CANCELLATION_SCHEDULED,
        )


class FulfillmentStatus(StrEnum):
    HOLD = "hold"
    PENDING = "pending"
    PENDING_SHIPMENT = "pending_shipment"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    RMA_PENDING = "rma_pending"
    RETURNED = "returned"
    CANCELLED = "cancelled"
    FAILED = "failed"


class ItemState(StrEnum):
    """Where a refund queue item stands."""

    QUEUED = "queued"
    IN_PROGRESS = "in_progress"
    SUCCEEDED = "succeeded"
    EXHAUSTED = "exhausted"
    REMOVED = "removed"
    RESOLVED = "resolved"

    @property
    def open(self) -> bool:
        """It waits for its day, or is being retried."""
        return self in (ItemState.QUEUED, ItemState.IN_PROGRESS)

    @property
    def given_up(self) -> bool:
        """Its amount is available on the sale again."""
        return self in (ItemState.EXHAUSTED, ItemState.REMOVED)


class EmailKind(StrEnum):
    WELCOME = "welcome"
    REFUND = "refund"
    VOID = "void"
    REFUND_EXHAUSTED = "refund_exhausted"
    # These are sent if a setting switches them on.
    REFUND_RETURNED = "refund_returned"
    BILLING_DECLINED = "billing_declined"
    BILLING_GIVEN_UP = "billing_given_up"
    PURCHASE_CANCELLED = "purchase_cancelled"


class EmailState(StrEnum):
    WAITING = "waiting"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"

    @property
    def open(self) -> bool:
        """It waits, or is being sent."""
        return self in (EmailState.WAITING, EmailState.SENDING)


class Role(StrEnum):
    AGENT = "agent"
    ADMIN = "admin"
    SERVICE = "service"


class ApprovalState(StrEnum):
    """The state of a request for approval. Only the three in the middle are stored decisions."""

    OPEN = "open"
    GRANTED = "granted"
    DENIED = "denied"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


class HistoryKind(StrEnum):
    """A note that a person wrote, a call, or an event that csctl recorded."""

    NOTE = "note"
    CALL = "call"
    EVENT = "event"


class RunState(StrEnum):
    """The state of a bulk change."""

    RUNNING = "running"
    COMPLETE = "complete"
    STOPPED = "stopped"


class RecordState(StrEnum):
    """The outcome of one record of a run. An unknown outcome leaves it pending."""

    PENDING = "pending"
    DONE = "done"
    FAILED = "failed"


class Direction(StrEnum):
    """Which way a shop moved between databases."""

    OUT = "out"
    IN = "in"


def any_of(states: Iterable[StrEnum]) -> str:
    """Several states in words, in the order of their declaration: `queued or exhausted`."""
    wanted = set(states)
    return " or ".join(state.value for kind in {type(one): 1 for one in wanted} for state in kind if state in wanted)


STATES: tuple[type[StrEnum], ...] = (
    Kind,
    State,
    Occasion,
    Settlement,
    Outside,
    OrderStatus,
    PurchaseStatus,
    FulfillmentStatus,
    ItemState,
    EmailKind,
    EmailState,
    Role,
    HistoryKind,
    RunState,
    RecordState,
    ApprovalState,
    Direction,
)

# The sets above, for conditions in SQL.
CHARGES = [kind for kind in Kind if kind.is_charge]
SALES = [kind for kind in Kind if kind.takes_money]
CARD_CHARGES = [kind for kind in Kind if kind.charges_card]
SETTLING = [kind for kind in Kind if kind.settles]
RETURNS = [kind for kind in Kind if kind.is_return]
OPEN_STATES = [state for state in State if not state.closed]
ACCEPTED_STATES = [state for state in State if state.accepted]
REFUSED_STATES = [state for state in State if state.refused]
UNANSWERED_STATES = [state for state in State if state.unanswered]
OPEN_ITEMS = [state for state in ItemState if state.open]
BILLED = [status for status in PurchaseStatus if status.billed]
NOT_OVER = [status for status in PurchaseStatus if not status.over]
CONFIRMED = [status for status in OrderStatus if status.confirmed]
