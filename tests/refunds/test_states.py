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
    "created": {"sent", "failed"},
    "sent": {"created", "approved", "declined", "failed", "pending", "unknown"},
    "pending": {"approved", "declined", "failed", "pending", "unknown"},
    "unknown": {"approved", "declined", "failed", "pending", "unknown"},
    "approved": {"failed"},
    "declined": set(),
    "failed": {"unknown", "approved"},
}


@pytest.mark.parametrize(("state", "operation"), list(itertools.product(EXPECTED, WORDS)))
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


@pytest.mark.parametrize(("state", "operation"), list(itertools.product(ItemState, Operation)))
def test_what_a_retry_comes_to(state: ItemState, operation: Operation) -> None:
    if operation.value in WORDS:
        return
    expected = RETRIED.get(state.value, {}).get(operation.value)
    if expected is None:
        with pytest.raises(Conflict):
            after("rfq_1", state, operation)
    else:
        assert after("rfq_1", state, operation).value == expected


@pytest.mark.parametrize(("state", "then"), list(itertools.product(State, State)))
def test_what_may_become_of_an_attempt(state: State, then: State) -> None:
    if then.value in ANSWERED[state.value]:
        assert becomes(state, then) is then
    else:
        with pytest.raises(ValueError, match="does not become"):
            becomes(state, then)
