"""The state transitions of a shipment (domain rules, section 5), as a table."""

from __future__ import annotations

from enum import StrEnum

from csctl.domain.states import FulfillmentStatus as Status
from csctl.domain.states import any_of
from csctl.errors import Conflict


class Operation(StrEnum):
    """A change of a shipment; each is a command of the same name."""

    HOLD = "hold"
    RELEASE = "release"
    SHIP = "ship"
    DELIVER = "deliver"
    RETURN = "return"
    FAIL = "fail"
    CANCEL = "cancel"


# (state, operation) -> new state. All other transitions are refused.
TABLE: dict[tuple[Status, Operation], Status] = {
    (Status.PENDING, Operation.HOLD): Status.HOLD,
    (Status.HOLD, Operation.RELEASE): Status.PENDING,
    # A shipment that was not marked as packed was packed all the same if it has a tracking number now.
    (Status.PENDING, Operation.SHIP): Status.SHIPPED,
    (Status.PENDING_SHIPMENT, Operation.SHIP): Status.SHIPPED,
    (Status.SHIPPED, Operation.DELIVER): Status.DELIVERED,
    # First announced by the customer, then received.
    (Status.SHIPPED, Operation.RETURN): Status.RMA_PENDING,
    (Status.DELIVERED, Operation.RETURN): Status.RMA_PENDING,
    (Status.RMA_PENDING, Operation.RETURN): Status.RETURNED,
    (Status.PENDING_SHIPMENT, Operation.FAIL): Status.FAILED,
    (Status.SHIPPED, Operation.FAIL): Status.FAILED,
    (Status.HOLD, Operation.CANCEL): Status.CANCELLED,
    (Status.PENDING, Operation.CANCEL): Status.CANCELLED,
    (Status.PENDING_SHIPMENT, Operation.CANCEL): Status.CANCELLED,
}
UNSHIPPED = frozenset({Status.HOLD, Status.PENDING, Status.PENDING_SHIPMENT})
# Received, or lost on the way: only then is it shipped again.
RESHIPPABLE = frozenset({Status.SHIPPED, Status.DELIVERED, Status.RETURNED, Status.FAILED})

_DONE = {
    Operation.HOLD: "held",
    Operation.RELEASE: "released",
    Operation.SHIP: "shipped",
    Operation.DELIVER: "marked as delivered",
    Operation.RETURN: "returned",
    Operation.FAIL: "marked as failed",
    Operation.CANCEL: "cancelled",
}


def after(name: str, status: Status, operation: Operation) -> Status:
    """Return the state after an operation. Raises Conflict, naming commands that work; `name` is its id."""
    try:
        return TABLE[status, operation]
    except KeyError:
        raise Conflict(
            f"{name} is {status.value} and cannot be {_DONE[operation]}",
            cause=f"its status must be {any_of(state for state, what in TABLE if what is operation)}",
            fix=instead(name, status),
        ) from None


def require_reshippable(name: str, status: Status) -> None:
    """Raises Conflict unless a shipment in this state may be shipped again."""
    if status not in RESHIPPABLE:
        raise Conflict(
            f"{name} is {status.value} and cannot be shipped again",
            cause=f"only one that is {any_of(RESHIPPABLE)} can be",
            fix=instead(name, status),
        )


def instead(name: str, status: Status) -> str:
    """The commands that a shipment in this state allows."""
    possible = [operation.value for state, operation in TABLE if state is status]
    if status in RESHIPPABLE:
        possible.append("reship")
    if not possible:
        return f"nothing more can be done with it: csctl fulfillment show {name}"
    return " or ".join(f"csctl fulfillment {operation} {name}" for operation in possible)
