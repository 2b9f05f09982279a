"""The state machines of queue items and of attempts, each walked over all states and operations."""

from __future__ import annotations

import itertools

import pytest

from csctl.domain.attempts import becomes
from csctl.domain.refund_queue import Operation, after
from csctl.domain.states import ItemState, State
from csctl.errors import Conflict
from tests.factories import make_sale
from tests.shops import Shop

TUESDAY = "2026-03-03T09:00:00Z"
WORDS = {"retry": "", "remove": "--reason x", "requeue": "", "resolve": "--reference x"}
# Written down independently of the code; what is not here is refused. A retry is declined here, and so waits again.
EXPECTED: dict[str, dict[str, str]] = {
    "queued": {"retry": "queued", "remove": "removed", "resolve": "resolved"},
    "in_progress": {},
    "succeeded": {},
    "exhausted": {"requeue": "queued", "resolve": "resolved"},
    "removed": {"requeue": "queued", "resolve": "resolved"},
    "resolved": {},
}
RETRIED: dict[str, dict[str, str]] = {
    "in_progress": {
        "succeed": "succeeded",
        "wait for another day": "queued",
        "give up": "exhausted",
        "settle": "resolved",
    },
    "queued": {"ask again": "in_progress", "give up": "exhausted", "succeed": "succeeded"},
    "succeeded": {"return": "queued"},
}
ANSWERED: dict[str, set[str]] = {
    "created": {"sent", "approved", "declined", "failed", "pending", "unknown"},
    "sent": {"created", "approved", "declined", "failed", "pending", "unknown"},
    "pending": {"approved", "declined", "failed", "pending", "unknown"},
    "unknown": {"approved", "declined", "failed", "pending", "unknown"},
    "approved": {"failed"},
    "declined": set(),
    "failed": {"unknown", "approved"},
}


# By the command line: all that is allowed, and of what is refused each operation once.
REFUSED = [("in_progress", "retry"), ("succeeded", "remove"), ("queued", "requeue"), ("resolved", "resolve")]
BY_COMMAND = [
    pytest.param(
        state,
        operation,
        marks=[] if operation in allowed or (state, operation) in REFUSED else pytest.mark.full,
    )
    for state, allowed in EXPECTED.items()
    for operation in WORDS
]


@pytest.mark.parametrize(("state", "operation"), BY_COMMAND)
def test_what_may_be_done_with_an_item(shop: Shop, state: str, operation: str) -> None:
    sale = make_sale(shop, token="tok_refund_declined")
    shop(f"txn refund {sale} --yes")
    reserved = 1999 if state in ("queued", "in_progress") else 0
    refunded = 1999 if state in ("succeeded", "resolved") else 0
    shop.sql("UPDATE refund_queue SET state = :state", state=state)
    shop.sql("UPDATE transactions SET reserved = :r, refunded = :f WHERE kind = 'sale'", r=reserved, f=refunded)

    done = shop(f"queue {operation} rfq_1 {WORDS[operation]} --yes -o json", at=TUESDAY)
    then = shop("queue show rfq_1 -o json").json["state"]

    assert done.code == ((12 if operation == "retry" else 0) if operation in EXPECTED[state] else 5)
    assert then == EXPECTED[state].get(operation, state)
    if done.code == 5:
        assert done.json[0]["error"]["cause"]
        assert done.json[0]["error"]["fix"]


def test_what_is_done_with_an_item_and_what_a_retry_comes_to() -> None:
    found: dict[str, dict[str, str]] = {}
    for state, operation in itertools.product(ItemState, Operation):
        try:
            found.setdefault(state.value, {})[operation.value] = after("rfq_1", state, operation).value
        except Conflict:
            continue

    retried = {"retry": "in_progress"}  # it is under way, before it is declined
    expected = {
        state: {**allowed, **(retried if "retry" in allowed else {}), **RETRIED.get(state, {})}
        for state, allowed in EXPECTED.items()
    }
    assert found == {state: allowed for state, allowed in expected.items() if allowed}


def test_the_state_transitions_of_an_attempt() -> None:
    for state, then in itertools.product(State, State):
        if then.value in ANSWERED[state.value]:
            assert becomes(state, then) is then
        else:
            with pytest.raises(ValueError, match="does not become"):
                becomes(state, then)
