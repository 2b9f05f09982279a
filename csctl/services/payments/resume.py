"""The remaining work at a record for which a run had begun payments when its process died.

`orphans` has settled those that were under way. The outcome of a payment is the result of its record: it gets no second
one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from csctl.domain import ids
from csctl.domain.outcomes import Outcome
from csctl.domain.reasons import NEVER_CARRIED_OUT
from csctl.domain.states import ItemState, State
from csctl.models import QueueItem, Transaction
from csctl.results import Result
from csctl.services.outcomes import refund as queue_rules
from csctl.services.payments import attempts, verdicts
from csctl.services.payments.jobs import Call, Job, Turn, Work

if TYPE_CHECKING:
    from csctl.app import App


def started(app: App, job: Job, turn: Turn) -> Work:
    """The work at a record: what its job is, or what is left of that where a run had begun payments for it."""
    begun = app.journal.begun(turn.session, job.given)
    return job.begin(turn) if begun is None else work(job, turn, begun.transactions, again=begun.again)


def work(job: Job, turn: Turn, numbers: Iterable[int], *, again: bool) -> Work:
    """The remaining work at a record with these attempts; `again` if the record failed and is processed again. Never a
    second payment beside one that was made, may have been made, or will be made by the queue.
    """
    made = [row for number in numbers if (row := turn.session.get(Transaction, number))]
    job.needs.opened += made
    last = _last_of_each_sale(made)
    if all(may_be_repeated(row, again=again) for row in last):
        yield from job.begin(turn)
    elif job.go_on:
        yield from job.go_on(turn, last, again)
    else:
        for row in last:
            yield replace(result_of(turn, row), id=job.given)


def _last_of_each_sale(made: Iterable[Transaction]) -> list[Transaction]:
    return list({row.parent_id or row.id: row for row in made}.values())


def after_reply(app: App, job: Job, turn: Turn, call: Call, reply: Any) -> Work:
    """Record the reply to a call, and do what is left at the record: the work that waited for it was undone."""
    yield from call.record(turn, reply) if call.record else ()
    said = {result.transaction_id for result in job.results}
    made = [turn.session.get_one(Transaction, attempt.id) for attempt in job.needs.opened]
    left = [row for row in _last_of_each_sale(made) if ids.show("txn", row.id) not in said]
    for row in left:
        if row.state is State.CREATED:  # the reply before it was waited for
            yield replace((yield from attempts.exchange(turn, app, row)), id=job.given)
        elif job.go_on and not may_be_repeated(row, again=False):
            yield from job.go_on(turn, [row], False)
        else:
            yield replace(result_of(turn, row), id=job.given)


def may_be_repeated(row: Transaction, *, again: bool) -> bool:
    """Whether an attempt certainly had no effect, and will have none."""
    over = row.state.refused and row.queue_item_id is None
    return over and (again or row.reason in NEVER_CARRIED_OUT)


def result_of(turn: Turn, row: Transaction) -> Result:
    """The current result of an attempt: also by a later retry, or by an outside payment."""
    item = turn.session.get(QueueItem, row.queue_item_id) if row.queue_item_id else None
    if item is None or not row.state.refused:
        return verdicts.result_of(row, item)
    if item.state is ItemState.RESOLVED:
        said = f"returned outside: {item.reference or item.close_reason}"
        return replace(verdicts.result_of(row, item), outcome=Outcome.RESOLVED, message=said, error=None)
    return verdicts.result_of(queue_rules.paid_by(turn.session, item) or row, item)
