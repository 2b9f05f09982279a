"""Payments that a run had begun when its process died.

Those that were under way are asked about first; one that was never sent is sent now, with the key it has. Only then
does the run's command go through what is left (`resume`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from csctl.domain import ids
from csctl.domain.attempts import becomes
from csctl.domain.states import State
from csctl.gateways.operations import Answer
from csctl.models import Transaction
from csctl.results import Result
from csctl.services.payments import attempts, reconcile
from csctl.services.payments.engine import drive
from csctl.services.payments.jobs import Job, Needs, Turn, Work
from csctl.services.payments.reconcile import Certainty

if TYPE_CHECKING:
    from csctl.app import App

_WINDOW = 4


def settle(app: App, numbers: Iterable[int]) -> Iterator[Result]:
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
    if not row.state.unanswered:
        return
    _ = app.gateways[row.gateway]
    if row.state is State.SENT:
        claim = attempts.claim_for(app, row)
        word = yield from reconcile.ask(turn, app, row)
        row = turn.session.get_one(Transaction, number)
        if row.claim != claim or word.certainty is not Certainty.ABSENT:
            yield attempts.record(turn, app, number, claim, _known(word.answer))
            return
    if row.parent_id and turn.session.get_one(Transaction, row.parent_id).disputed_at:
        yield attempts.record(turn, app, number, attempts.claim_for(app, row), attempts.NOT_SENT)
        return
    if row.state is State.SENT:  # it is certain that it was not carried out: its sending begins again
        row.state = becomes(row.state, State.CREATED)
    yield (yield from attempts.exchange(turn, app, row))


def _known(answer: Answer) -> Answer:
    """What a gateway that cannot tell leaves: it was sent, and nobody knows."""
    return replace(answer, state=State.UNKNOWN) if answer.state is State.SENT else answer
