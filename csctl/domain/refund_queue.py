"""The state transitions of a refund in the queue (domain rules, section 4), as a table."""

from __future__ import annotations

from enum import StrEnum

from csctl.domain.states import ItemState as State
from csctl.domain.states import any_of
from csctl.errors import Conflict


class Operation(StrEnum):
    """A change of an item, each with the word of its command; and last, the outcomes of a retry."""

    RETRY = "retry"
    REMOVE = "remove"
    REQUEUE = "requeue"
    RESOLVE = "resolve"
    SUCCEED = "succeed"
    WAIT = "wait for another day"
    GIVE_UP = "give up"
    ASK_AGAIN = "ask again"
    SETTLE = "settle"  # nothing remains to return
    RETURN = "return"  # a bank sent the money back


# (state, operation) -> new state. All other transitions are refused.
TABLE: dict[tuple[State, Operation], State] = {
    (State.QUEUED, Operation.RETRY): State.IN_PROGRESS,
    (State.QUEUED, Operation.REMOVE): State.REMOVED,
    (State.QUEUED, Operation.RESOLVE): State.RESOLVED,
    # A late answer says that a retry which counted as failed was approved.
    (State.QUEUED, Operation.ASK_AGAIN): State.IN_PROGRESS,
    (State.IN_PROGRESS, Operation.SUCCEED): State.SUCCEEDED,
    (State.QUEUED, Operation.SUCCEED): State.SUCCEEDED,  # by an attempt that was approved late
    (State.IN_PROGRESS, Operation.WAIT): State.QUEUED,
    (State.IN_PROGRESS, Operation.GIVE_UP): State.EXHAUSTED,
    (State.IN_PROGRESS, Operation.SETTLE): State.RESOLVED,
    # A refund that no retry can make succeed, or that was returned too often.
    (State.QUEUED, Operation.GIVE_UP): State.EXHAUSTED,
    (State.SUCCEEDED, Operation.RETURN): State.QUEUED,
    (State.EXHAUSTED, Operation.REQUEUE): State.QUEUED,
    (State.EXHAUSTED, Operation.RESOLVE): State.RESOLVED,
    (State.REMOVED, Operation.REQUEUE): State.QUEUED,
    (State.REMOVED, Operation.RESOLVE): State.RESOLVED,
}

_DONE = {
    Operation.RETRY: "retried",
    Operation.REMOVE: "removed",
    Operation.REQUEUE: "requeued",
    Operation.RESOLVE: "resolved",
}
# The next step from each state: what a refused operator most likely wants.
_INSTEAD = {
    State.QUEUED: "csctl queue retry {0} or csctl queue remove {0} --reason TEXT",
    State.IN_PROGRESS: "csctl txn reconcile, once its worker is gone",
    State.EXHAUSTED: "csctl queue requeue {0}",
    State.REMOVED: "csctl queue requeue {0}",
    State.SUCCEEDED: "csctl queue show {0}",
    State.RESOLVED: "csctl queue show {0}",
}


def after(name: str, state: State, operation: Operation) -> State:
    """Return the state after an operation. Raises Conflict, naming commands that work; `name` is its id."""
    try:
        return TABLE[state, operation]
    except KeyError:
        stands = "being worked on" if state is State.IN_PROGRESS else state.value
        raise Conflict(
            f"{name} is {stands}",
            cause=f"only one that is {any_of(before for before, what in TABLE if what is operation)}"
            f" can be {_DONE.get(operation, 'settled')}",
            fix=_INSTEAD[state].format(name),
        ) from None
