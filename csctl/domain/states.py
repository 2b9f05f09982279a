"""The words for the states of things, as they are stored and shown."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum


class Kind(StrEnum):
    """What a transaction does at the gateway."""

    AUTHORIZE = "authorize"
    CAPTURE = "capture"
    SALE = "sale"
    VOID = "void"
    REFUND = "refund"


class State(StrEnum):
    """How far one attempt at a gateway has come."""

    CREATED = "created"
    SENT = "sent"
    APPROVED = "approved"
    DECLINED = "declined"
    FAILED = "failed"
    PENDING = "pending"
    UNKNOWN = "unknown"


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


class OrderStatus(StrEnum):
    PENDING = "pending"
    COMPLETE = "complete"
    DECLINED = "declined"
    CANCELLED = "cancelled"
    REFUNDED = "refunded"


class PurchaseStatus(StrEnum):
    TRIAL = "trial"
    ACTIVE = "active"
    PAUSED = "paused"
    RECYCLE_BILLING = "recycle_billing"
    RECYCLE_FAILED = "recycle_failed"
    CANCELLATION_SCHEDULED = "cancellation_scheduled"
    CANCELLED = "cancelled"
    COMPLETE = "complete"


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


class EmailKind(StrEnum):
    WELCOME = "welcome"
    REFUND = "refund"
    VOID = "void"
    REFUND_EXHAUSTED = "refund_exhausted"


class EmailState(StrEnum):
    WAITING = "waiting"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"


class Role(StrEnum):
    AGENT = "agent"
    ADMIN = "admin"
    SERVICE = "service"


class ApprovalState(StrEnum):
    """Where a request for approval stands. Only the three in the middle are decisions that are kept."""

    OPEN = "open"
    GRANTED = "granted"
    DENIED = "denied"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


class HistoryKind(StrEnum):
    """A note that a person wrote, a call, or an event that csctl noted."""

    NOTE = "note"
    CALL = "call"
    EVENT = "event"


class RunState(StrEnum):
    """Where a bulk change stands."""

    RUNNING = "running"
    COMPLETE = "complete"
    STOPPED = "stopped"


class RecordState(StrEnum):
    """What became of one record of a run. An outcome that is unknown leaves it pending."""

    PENDING = "pending"
    DONE = "done"
    FAILED = "failed"


def any_of(states: Iterable[StrEnum]) -> str:
    """Some of the states of a thing in words, in the order in which they are declared: `queued or exhausted`."""
    wanted = set(states)
    return " or ".join(state.value for kind in {type(one): 1 for one in wanted} for state in kind if state in wanted)


STATES: tuple[type[StrEnum], ...] = (
    Kind,
    State,
    Occasion,
    Settlement,
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
)
