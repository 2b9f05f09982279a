"""Payments that a run had begun when its process died.

The gateway is first asked about them; one that was never sent is sent now, with its key. Only then does the
command of the run process the remaining records (`resume`).
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
from csctl.services.payments.reconcile import Certainty, Word

if TYPE_CHECKING:
    from csctl.app import App

_WINDOW = 4


def settle(app: App, numbers: Iterable[int]) -> Iterator[Result]:
    """Settle the attempts of an interrupted run; those that were never sent are sent. One whose answer was lost is
    looked up as always.
    """
    return drive(app, (_job(app, number) for number in numbers), window=_WINDOW)


def _job(app: App, number: int) -> Job:
    return Job(ids.show("txn", number), Needs(transactions={number}), lambda turn: _settle(turn, app, number))


def _settle(turn: Turn, app: App, number: int) -> Work:
    row = turn.session.get_one(Transaction, number)
    if row.state is State.UNKNOWN and not row.is_leased(app.clock.now()):
        yield from reconcile.settle(turn, app, ids.Ref(ids.show("txn", number), number))
    if not row.state.unanswered:
        return
    _ = app.gateways[row.gateway]
    claim = attempts.claim_for(app, row)
    word = yield from reconcile.ask(turn, app, row, resend=row.state is State.SENT)
    row = turn.session.get_one(Transaction, number)
    if row.claim != claim or not _may_be_sent(app, row, word):
        yield attempts.record(turn, app, number, claim, _known(word.answer))
        return
    if row.parent_id and turn.session.get_one(Transaction, row.parent_id).disputed_at:
        yield attempts.record(turn, app, number, attempts.claim_for(app, row), attempts.NOT_SENT)
        return
    if row.state is State.SENT:  # it is certain that it was not carried out: its sending begins again
        row.state = becomes(row.state, State.CREATED)
    yield (yield from attempts.exchange(turn, app, row))


def _may_be_sent(app: App, row: Transaction, word: Word) -> bool:
    """Whether the gateway certainly did not carry the attempt out, or would not do so again.

    One that the books have as not sent was sent if they were restored from a backup: before the first write to an
    account that can list its operations, they are compared with the books.
    """
    if word.certainty is Certainty.ABSENT:
        return True
    if (
        row.state is not State.CREATED
        or word.answer.state is not State.CREATED
        or word.certainty is Certainty.AMBIGUOUS
    ):
        return False
    return app.gateways[row.gateway].capabilities.records or reconcile.key_lives(app, row)


def _known(answer: Answer) -> Answer:
    """The result if the gateway cannot tell: it was sent, and its outcome is unknown."""
    return replace(answer, state=State.UNKNOWN) if answer.state.unanswered else answer
