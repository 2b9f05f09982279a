"""The state transitions of an attempt at a gateway (domain rules, section 3), as a table."""

from __future__ import annotations

from csctl.domain.states import State

# state -> the states that may follow it
TABLE: dict[State, frozenset[State]] = {
    # Before it is sent: it is sent, or closed. A restored database has as not sent what a gateway has.
    State.CREATED: frozenset({State.SENT, State.APPROVED, State.DECLINED, State.FAILED, State.PENDING, State.UNKNOWN}),
    # An answer, or a lost one. An attempt that was certainly not executed may be sent again, with the same key.
    State.SENT: frozenset({State.CREATED, State.APPROVED, State.DECLINED, State.FAILED, State.PENDING, State.UNKNOWN}),
    # After a lookup: it has an outcome or stays. Pending ones are not approved without an answer.
    State.PENDING: frozenset({State.APPROVED, State.DECLINED, State.FAILED, State.PENDING, State.UNKNOWN}),
    State.UNKNOWN: frozenset({State.APPROVED, State.DECLINED, State.FAILED, State.PENDING, State.UNKNOWN}),
    # A bank may return a refund.
    State.APPROVED: frozenset({State.FAILED}),
    # Found not executed, and approved after all: it is looked up once more, or counts from then on.
    State.FAILED: frozenset({State.UNKNOWN, State.APPROVED}),
    State.DECLINED: frozenset(),
}


def becomes(state: State, then: State) -> State:
    """Return the new state of an attempt. Raises ValueError, which is a bug, for a transition that is
    not in the table.
    """
    if then not in TABLE[state]:
        raise ValueError(f"an attempt that is {state.value} does not become {then.value}")
    return then
