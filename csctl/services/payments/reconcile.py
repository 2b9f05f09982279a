"""Settling what is not known, by asking the gateway and never by guessing (domain rules, section 3)."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import Enum, auto
from functools import partial
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, and_, func, or_, select

from csctl.domain import ids
from csctl.domain.ids import Ref
from csctl.domain.outcomes import Outcome
from csctl.domain.reasons import Reason
from csctl.domain.states import OPEN_STATES, RETURNS, Kind, State
from csctl.domain.text import accept
from csctl.errors import Conflict, Misconfigured, NotFound, OutcomeUnknown, Unreachable, Usage
from csctl.gateways.operations import Absent, Ambiguous, Answer, Finds, Found
from csctl.models import Transaction
from csctl.results import Result
from csctl.services.outcomes import late
from csctl.services.payments import amounts, attempts, operations, returns, settlement, verdicts
from csctl.services.payments.engine import drive
from csctl.services.payments.jobs import Call, Job, Needs, Turn, Work
from csctl.services.shared import access, listing

if TYPE_CHECKING:
    from csctl.app import App

_NEVER_SENT = Answer(State.FAILED, reason=Reason.ABANDONED, message="its worker died before it was sent")
_ABSENT = Answer(State.FAILED, reason=Reason.NEVER_EXECUTED, message="the gateway never carried it out")
_NEVER = timedelta.max  # a kind for which a gateway names no delay: its absence is not believed
_MUTE = "this gateway cannot be asked: look at its own page"


class Certainty(Enum):
    """How much a gateway could say of an attempt."""

    CERTAIN = auto()  # its outcome
    ABSENT = auto()  # that there is no such operation, and there will be none
    AMBIGUOUS = auto()  # that several operations could be ours, or that it does not know the outcome of ours
    MUTE = auto()  # nothing: it cannot be asked
    UNREACHED = auto()  # nothing now: it does not answer


@dataclass(frozen=True)
class Word:
    """What a gateway says of an attempt."""

    answer: Answer
    certainty: Certainty = Certainty.CERTAIN


@dataclass(frozen=True)
class Seen:
    """What an administrator saw on the gateway's own page. `amount` is a decimal string, where it is another one."""

    answer: Answer
    amount: str | None = None


def verdict(app: App, refs: Sequence[Ref], seen: str | None, reference: str | None, amount: str | None) -> Seen | None:
    """What an administrator saw on the gateway's own page of named transactions: `approved`, with the gateway's
    reference and amount, or `failed`. None if nothing is `seen`. Raises Usage and NotPermitted.
    """
    if (reference or amount) and seen != State.APPROVED:
        option = "--reference" if reference else "--amount"
        raise Usage(f"{option} goes with --as approved", fix="leave it out, or add --as approved")
    if seen is None:
        return None
    if not refs:
        raise Usage("--as is for named transactions", fix="csctl txn reconcile TXN --as approved")
    access.require(app, "txn reconcile with --as")
    if seen == State.FAILED:
        return Seen(Answer(State.FAILED, reason=Reason.NEVER_EXECUTED, message="not found on the gateway's own page"))
    known_as = accept(reference, "reference") if reference else None
    return Seen(Answer(State.APPROVED, known_as, message="found on the gateway's own page"), amount)


def reconcile(
    app: App,
    refs: Sequence[Ref] = (),
    verdict: Seen | None = None,
    *,
    dry_run: bool = False,
    concurrency: int = 1,
    fail_fast: bool = False,
) -> Iterator[Result]:
    """Ask about the named transactions, or about all that are unknown, pending, or whose worker is gone.

    With a `verdict` no gateway is asked; it is refused where one can be.
    """
    if refs:
        access.require(app, "txn reconcile of named transactions")
        jobs: Iterator[Job] = (_job(app, ref, verdict=verdict) for ref in refs)
    else:
        access.require(app, "txn reconcile of all")
        _tell_what_is_under_way(app)
        jobs = _all_jobs(app)
    return drive(app, jobs, window=concurrency, dry_run=dry_run, fail_fast=fail_fast, sends=False)


@dataclass
class Orphans:
    """What reconciling before a cron's own work came to: `misconfigured` is our own fault, not a gateway's answer."""

    misconfigured: Misconfigured | None = None


def orphans(app: App, found: Orphans, *, concurrency: int = 1) -> Iterator[Result]:
    """Reconcile all that is open, as every cron run does first. Notices report the outcomes."""
    _tell_what_is_under_way(app)
    for result in drive(app, _all_jobs(app), window=concurrency, sends=False):
        app.notice(": ".join(text for text in (result.id, result.outcome.value, result.message) if text))
        if isinstance(result.error, Misconfigured):
            found.misconfigured = result.error
        yield result


def unknown_left(app: App) -> int:
    """How many transactions are unknown now."""
    with app.read() as session:
        return session.scalar(select(func.count()).where(Transaction.state == State.UNKNOWN)) or 0


def _tell_what_is_under_way(app: App) -> None:
    """A process that died a moment ago looks like one that waits for its answer."""
    with app.read() as session:
        leased = select(func.count(), func.max(Transaction.lease_until)).where(_OPEN, ~_unclaimed(app))
        number, until = session.execute(leased).one()
    if number:
        what = "1 attempt is" if number == 1 else f"{number:,} attempts are"
        app.notice(f"{what} under way until {until:%H:%M:%S} UTC at the latest: run it again then.")


_OPEN = and_(
    Transaction.state.in_(OPEN_STATES),
    # Sales that were made elsewhere have no key, and are not ours to ask about.
    or_(
        Transaction.kind.in_(RETURNS),
        (Transaction.kind == Kind.SALE) & Transaction.key.is_not(None),
    ),
)


def _unclaimed(app: App) -> ColumnElement[bool]:
    """The condition of an attempt without an owner: no process, or one whose lease has ended."""
    return or_(Transaction.lease_until.is_(None), Transaction.lease_until < app.clock.now())


def _all_jobs(app: App) -> Iterator[Job]:
    """For all that are unknown, pending, or begun by a worker whose lease is over."""
    unsure = listing.numbers(app, select(Transaction.id).where(_OPEN, _unclaimed(app)), Transaction.id)
    return (_job(app, Ref(ids.show("txn", number), number), named=False) for number in unsure)


def _job(app: App, ref: Ref, *, named: bool = True, verdict: Seen | None = None) -> Job:
    work = partial(settle, app=app, ref=ref, named=named, verdict=verdict)
    return Job(ref.given, Needs(transactions={ref.id}), work)


def settle(turn: Turn, app: App, ref: Ref, *, named: bool = True, verdict: Seen | None = None) -> Work:
    """Find the outcome of one attempt, unless a process has it. Raises NotFound and Conflict.

    One that was not `named` is left to the process that took it since it was listed. A `verdict` is taken instead of
    asking.
    """
    row = _attempt(turn, ref)
    leased = row.is_leased(app.clock.now())
    if not named and (leased or row.state.closed):
        return
    if leased and row.lease_until:
        raise Conflict(
            f"{ref.given} is being worked on",
            cause=f"until {row.lease_until:%H:%M:%S} UTC at the latest",
            fix="run it again then",
        )
    if row.state.closed and row.look_since and verdict and verdict.answer.state is State.APPROVED:
        late.looked_at(turn.session, app, row)
        yield Result(ref.given, verdicts.DONE[row.kind], "it was approved late, and was looked at")
    elif row.state.closed and verdict:
        raise Conflict(
            f"{ref.given} has an outcome: {row.state}",
            cause="--as is for attempts whose outcome is unknown",
            fix=f"csctl txn show {ids.show('txn', row.id)}",
        )
    elif row.state.closed:
        yield from _look_again(turn, app, ref, row, named=named)
    else:
        yield from _decide(turn, app, ref, row, verdict)


def _attempt(turn: Turn, ref: Ref) -> Transaction:
    """The attempt of csctl's own. Raises NotFound and Conflict."""
    row = turn.transaction(ref.id)
    if row is None:
        raise NotFound(f"there is no transaction {ref.given}", fix="csctl txn list")
    of_ours = row.key if row.kind is Kind.SALE else row.parent_id
    if row.kind not in verdicts.DONE or of_ours is None:
        raise Conflict(
            f"{ref.given} was not made by csctl",
            cause="only refunds, voids and csctl's own sales are asked about",
            fix="csctl txn sync",
        )
    return row


def _decide(turn: Turn, app: App, ref: Ref, row: Transaction, verdict: Seen | None) -> Work:
    """Claim an attempt that is open, find its outcome and record it."""
    _ = app.gateways[row.gateway]  # raises Misconfigured: before it is claimed
    created = row.state is State.CREATED
    if verdict and not created:
        yield from _refuse_unless_mute(turn, app, ref, row)
        row = turn.session.get_one(Transaction, ref.id)
        if row.state.closed or row.is_leased(app.clock.now()):  # another process was first, during the call
            raise Conflict(f"{ref.given} is being worked on", fix="run it again")
        if row.reason is Reason.MISMATCH and verdict.answer.state is State.APPROVED and verdict.amount is None:
            raise Conflict(
                f"{ref.given} was answered with another amount or reference",
                cause=row.message,
                fix=f"csctl txn reconcile {ids.show('txn', row.id)} --as approved --amount AMOUNT",
            )
        if verdict.amount is not None:
            amounts.correct(turn, app, row, verdict.amount)
        claim, word = attempts.claim_for(app, row), Word(verdict.answer)
    else:
        row.state = State.UNKNOWN if row.state is State.SENT else row.state
        claim = attempts.claim_for(app, row)
        try:
            word = yield from ask(turn, app, row, resend=not created)
        except Misconfigured:  # our own fault, and once it is corrected it may be asked at once
            row = turn.session.get_one(Transaction, ref.id)
            row.claim = row.lease_until = None
            raise
        if created and word.certainty is Certainty.UNREACHED:
            row = turn.session.get_one(Transaction, ref.id)
            row.claim = row.lease_until = None
            raise Unreachable("the gateway cannot be asked", cause=word.answer.message, fix="run it again")
        if created and (word.certainty is Certainty.ABSENT or word.answer.state is State.CREATED):
            word = Word(_NEVER_SENT)
    result = replace(attempts.record(turn, app, ref.id, claim, word.answer), id=ref.given)
    asked = word.certainty not in (Certainty.MUTE, Certainty.AMBIGUOUS)
    yield result if asked else _for_a_person(result, ref, word)


def _for_a_person(result: Result, ref: Ref, word: Word) -> Result:
    """Only a person who looks can tell."""
    why = _MUTE if word.certainty is Certainty.MUTE else word.answer.message or "the gateway itself does not know"
    fix = f"look at its own page, then csctl txn reconcile {ids.show('txn', ref.id)} --as approved|failed"
    unknown = OutcomeUnknown(result.message, cause=why, fix=fix)
    return replace(result, error=unknown) if result.error else replace(result, message=f"{why}; {fix}")


def _refuse_unless_mute(turn: Turn, app: App, ref: Ref, row: Transaction) -> Generator[Call, Any, None]:
    """Raises Conflict where the gateway itself can tell what the attempt came to."""
    finds = app.gateways[row.gateway].capabilities.finds
    if row.reason == Reason.MISMATCH or (finds is Finds.NOTHING and not key_lives(app, row)):
        return
    if finds is not Finds.NOTHING and (yield from ask(turn, app, row)).certainty is Certainty.AMBIGUOUS:
        return
    raise Conflict(
        f"the gateway {row.gateway} can be asked about {ref.given}",
        cause="--as is for what a gateway cannot tell, or tells of another amount",
        fix=f"csctl txn reconcile {ids.show('txn', row.id)}",
    )


def key_lives(app: App, row: Transaction) -> bool:
    """Whether the gateway still takes the attempt's key for the same attempt."""
    life = app.gateways[row.gateway].capabilities.keys_live
    return bool(row.key and life and app.clock.now() - (row.sent_at or row.created_at) < life)


def _look_again(turn: Turn, app: App, ref: Ref, row: Transaction, *, named: bool) -> Work:
    """A final outcome stays; but an approved refund may have been returned by a bank since, and what was taken for
    failed may have been carried out after all.
    """
    if row.kind is Kind.REFUND and row.state is State.APPROVED:
        found = yield from settlement.ask(turn, app, ref.id)
        row = turn.session.get_one(Transaction, ref.id)
        if found and row.state is State.APPROVED and found.answer.state is State.FAILED:
            yield replace(returns.take_back(turn, app, row, found.answer), id=ref.given)
            return
    elif named and row.state is State.FAILED and row.key:
        word = yield from ask(turn, app, row, resend=False)
        row = turn.session.get_one(Transaction, ref.id)
        if row.state is State.FAILED and word.answer.state is State.APPROVED:
            result = attempts.take_late(turn, app, row, word.answer)
            if row.kind is Kind.REFUND and row.parent_id:  # it may have been learned from the total of its sale
                with suppress(Unreachable, Misconfigured):  # a later look-up of the sale shows it, too
                    yield from settlement.ask(turn, app, row.parent_id)
            yield replace(result, id=ref.given)
            return
    outcome = verdicts.DONE[row.kind] if row.state is State.APPROVED else Outcome(row.state.value)
    yield Result(ref.given, outcome, "it was settled before")


def ask(turn: Turn, app: App, row: Transaction, *, resend: bool = True) -> Generator[Call, Any, Word]:
    """What the gateway says of an attempt. Where it cannot say, the attempt stays as it is; with `resend` the same
    attempt is sent once more to a gateway that honours its key.
    """
    gateway = app.gateways[row.gateway]
    sale = turn.session.get_one(Transaction, row.parent_id) if row.parent_id else None
    stays = Answer(row.state, row.gateway_ref, Reason(row.reason) if row.reason else None)
    can_find = gateway.capabilities.finds is not Finds.NOTHING
    try:
        if can_find and row.key:
            return (yield from _find(turn, app, row, stays))
        if can_find and row.gateway_ref:  # made elsewhere: only the gateway's reference names it
            known: Found = yield Call(
                partial(gateway.lookup, row.gateway_ref, row.kind), Found(stays), Found(stays), reads=True
            )
            return Word(known.answer)
        disputed = sale is not None and sale.disputed_at is not None  # then nothing is sent, not even again
        if resend and not disputed and key_lives(app, row):
            operation = operations.of_attempt(turn.session, row, operations.network_ref(turn, row))
            write = operations.write(gateway, operation)
            answer: Answer = yield Call(write, assumed=stays, unsent=stays)
            # A connection that is refused now says nothing of what was sent then.
            return Word(stays if answer.reason == Reason.UNREACHABLE else answer)
    except (Unreachable, OutcomeUnknown) as gone:
        return Word(replace(stays, message=gone.message), Certainty.UNREACHED)
    return Word(replace(stays, message=_MUTE), Certainty.MUTE)


def _find(turn: Turn, app: App, row: Transaction, stays: Answer) -> Generator[Call, Any, Word]:
    """The attempt by its key. That there is none is believed once the gateway's delay is over."""
    gateway, kind = app.gateways[row.gateway], row.kind
    age = app.clock.now() - (row.sent_at or row.created_at)
    find = partial(gateway.find, operations.of_attempt(turn.session, row))
    found: Found | Absent | Ambiguous = yield Call(find, assumed=Found(stays), unsent=Found(stays), reads=True)
    if isinstance(found, Found):
        undecided = found.answer is not stays and found.answer.state is State.UNKNOWN
        return Word(found.answer, Certainty.AMBIGUOUS if undecided else Certainty.CERTAIN)
    if isinstance(found, Ambiguous):
        several = replace(stays, message=f"it may be one of: {', '.join(found.candidates)}")
        return Word(several, Certainty.AMBIGUOUS)
    if age >= gateway.capabilities.absence_final_after.get(kind, _NEVER):
        said = f": {row.message}" if row.reason is Reason.DUPLICATE and row.message else ""
        return Word(replace(_ABSENT, message=f"{_ABSENT.message}{said}"), Certainty.ABSENT)
    return Word(replace(stays, message="the gateway does not know it yet"))
