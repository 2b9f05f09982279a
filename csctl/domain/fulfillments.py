"""What may become of a shipment (domain rules, section 5): the state machine, as a table."""

from __future__ import annotations

from enum import StrEnum

from csctl.domain.states import FulfillmentStatus as Status
from csctl.domain.states import any_of
from csctl.errors import Conflict


class Operation(StrEnum):
    """What people do with a shipment; each is a command of the same name."""

    HOLD = "hold"
    RELEASE = "release"
    SHIP = "ship"
    DELIVER = "deliver"
    RETURN = "return"
    FAIL = "fail"
    CANCEL = "cancel"


# (where it stands, what is done) -> where it then stands. What is not here is refused.
TABLE: dict[tuple[Status, Operation], Status] = {
    (Status.PENDING, Operation.HOLD): Status.HOLD,
    (Status.HOLD, Operation.RELEASE): Status.PENDING,
    # A shipment that nobody marked as being packed was packed all the same if it has a tracking number now.
    (Status.PENDING, Operation.SHIP): Status.SHIPPED,
    (Status.PENDING_SHIPMENT, Operation.SHIP): Status.SHIPPED,
    (Status.SHIPPED, Operation.DELIVER): Status.DELIVERED,
    # Announced by the customer first, and in the house the second time.
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
# Reached the house, or was lost on the way: only then is it repeated.
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
    """Where a shipment stands after an operation. Raises Conflict, saying what would work; `name` is its id."""
    try:
        return TABLE[status, operation]
    except KeyError:
        raise Conflict(
            f"{name} is {status.value} and cannot be {_DONE[operation]}",
            cause=f"its status must be {any_of(state for state, what in TABLE if what is operation)}",
            fix=instead(name, status),
        ) from None


def require_reshippable(name: str, status: Status) -> None:
    """Raises Conflict unless a shipment that stands there may be repeated."""
    if status not in RESHIPPABLE:
        raise Conflict(
            f"{name} is {status.value} and cannot be shipped again",
            cause=f"only one that is {any_of(RESHIPPABLE)} can be",
            fix=instead(name, status),
        )


def instead(name: str, status: Status) -> str:
    """The commands that a shipment in that state allows."""
    possible = [operation.value for state, operation in TABLE if state is status]
    if status in RESHIPPABLE:
        possible.append("reship")
    if not possible:
        return f"nothing more can be done with it: csctl fulfillment show {name}"
    return " or ".join(f"csctl fulfillment {operation} {name}" for operation in possible)
