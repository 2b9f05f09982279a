"""What may become of an attempt at a gateway (domain rules, section 3): the state machine, as a table."""

from __future__ import annotations

from csctl.domain.states import State

# Where an attempt stands -> what it may become.
TABLE: dict[State, frozenset[State]] = {
    # Never sent, it is sent, or closed.
    State.CREATED: frozenset({State.SENT, State.FAILED}),
    # Answered, or the answer is lost. What was certainly not carried out may begin anew, with the same key.
    State.SENT: frozenset({State.CREATED, State.APPROVED, State.DECLINED, State.FAILED, State.PENDING, State.UNKNOWN}),
    # Asked about, it is settled or stays; pending ones do not become approved by themselves.
    State.PENDING: frozenset({State.APPROVED, State.DECLINED, State.FAILED, State.PENDING, State.UNKNOWN}),
    State.UNKNOWN: frozenset({State.APPROVED, State.DECLINED, State.FAILED, State.PENDING, State.UNKNOWN}),
    # A bank may return a refund.
    State.APPROVED: frozenset({State.FAILED}),
    # Found never executed, and approved after all: it is asked about once more, or counts from then on.
    State.FAILED: frozenset({State.UNKNOWN, State.APPROVED}),
    State.DECLINED: frozenset(),
}


def becomes(state: State, then: State) -> State:
    """The new state of an attempt. Raises ValueError, which is a bug, for a move that is not in the table."""
    if then not in TABLE[state]:
        raise ValueError(f"an attempt that is {state.value} does not become {then.value}")
    return then
