"""Going on with payments that a run had begun when its process died.

Those that were under way are asked about first; one that was never sent is sent now, with the key it has. Only then
does the run's command go through what is left: for a record with a payment, what that came to is its result, and it
gets no second one.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from csctl.domain import ids
from csctl.domain.attempts import becomes
from csctl.domain.states import Kind, State
from csctl.gateways.protocol import Answer
from csctl.models import PaymentMethod, QueueItem, Transaction
from csctl.results import Result
from csctl.services.outcomes import refund as queue_rules
from csctl.services.payments import attempts, charges, reconcile
from csctl.services.payments.engine import Call, Job, Needs, Turn, Work, drive

if TYPE_CHECKING:
    from csctl.app import App

_WINDOW = 4
_CLOSED = (State.DECLINED, State.FAILED)


def orphans(app: App, numbers: Iterable[int]) -> Iterator[Result]:
    """Settle the attempts of a run whose process is gone; those that nobody sent are sent. One that is unknown since
    the gateway's answer was lost is asked about as always.
    """
    return drive(app, (_job(app, number) for number in numbers), window=_WINDOW)


def _job(app: App, number: int) -> Job:
    return Job(ids.show("txn", number), Needs(transactions={number}), lambda turn: _settle(turn, app, number))


def _settle(turn: Turn, app: App, number: int) -> Work:
    row = turn.session.get_one(Transaction, number)
    if row.state is State.UNKNOWN and (row.lease_until is None or row.lease_until < app.clock.now()):
        yield from reconcile.settle(turn, app, ids.Ref(ids.show("txn", number), number))
    if row.state not in (State.CREATED, State.SENT):
        return
    _ = app.gateways[row.gateway]
    if row.state is State.SENT:
        claim = attempts.claim_for(app, row)
        answer = yield from reconcile.ask(turn, app, row)
        row = turn.session.get_one(Transaction, number)
        if row.claim != claim or answer is not reconcile.ABSENT:
            yield reconcile.record(turn, app, row, claim, _known(answer))
            return
    if row.parent_id and turn.session.get_one(Transaction, row.parent_id).disputed_at:
        yield reconcile.record(turn, app, row, attempts.claim_for(app, row), attempts.NOT_SENT)
        return
    yield (yield from _send(turn, app, row))


def _known(answer: Answer) -> Answer:
    """What a gateway that cannot tell leaves: it was sent, and nobody knows."""
    return replace(answer, state=State.UNKNOWN) if answer.state is State.SENT else answer


def _send(turn: Turn, app: App, row: Transaction) -> Generator[Call, Any, Result]:
    if row.kind is not Kind.SALE:
        if row.state is State.SENT:  # it is certain that it was not carried out: its sending begins anew
            row.state = becomes(row.state, State.CREATED)
        return (yield from attempts.exchange(turn, app, row))
    method = turn.session.get_one(PaymentMethod, row.payment_method_id)
    return (yield from charges.exchange(turn, app, row, method.token))


def work(job: Job, turn: Turn, numbers: Iterable[int], *, again: bool) -> Work:
    """What is left to do of a record for which these attempts were made; `again` if it is done once more since it had
    failed. Never a second payment beside one that was made, may have been made, or will be by the queue.
    """
    made = [row for number in numbers if (row := turn.session.get(Transaction, number))]
    job.needs.opened += made
    last = list({row.parent_id or row.id: row for row in made}.values())
    if all(may_be_repeated(row, again=again) for row in last):
        yield from job.begin(turn)
    elif job.go_on:
        yield from job.go_on(turn, last, again)
    else:
        for row in last:
            yield replace(result_of(turn, row), id=job.given)


def may_be_repeated(row: Transaction, *, again: bool) -> bool:
    """Whether it is certain that nothing came of an attempt, and nothing will."""
    over = row.state in _CLOSED and row.queue_item_id is None
    return over and (again or row.reason in queue_rules.NEVER_CARRIED_OUT)


def result_of(turn: Turn, row: Transaction) -> Result:
    """What an attempt came to, as it stands now."""
    return attempts.result_of(row, turn.session.get(QueueItem, row.queue_item_id) if row.queue_item_id else None)
