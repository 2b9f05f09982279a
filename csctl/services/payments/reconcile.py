"""Settling what is not known, by asking the gateway and never by guessing (domain rules, section 3)."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
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
from csctl.gateways.protocol import Gateway
from csctl.models import Transaction
from csctl.results import Result
from csctl.services.outcomes import late
from csctl.services.payments import attempts, charges, operations, settlement, verdicts
from csctl.services.payments.engine import drive
from csctl.services.payments.jobs import Call, Job, Needs, Turn, Work
from csctl.services.shared import access, listing

if TYPE_CHECKING:
    from csctl.app import App

_NEVER_SENT = Answer(State.FAILED, reason=Reason.ABANDONED, message="its worker died before it was sent")
ABSENT = Answer(State.FAILED, reason=Reason.NEVER_EXECUTED, message="the gateway never carried it out")
_NEVER = timedelta.max  # a kind for which a gateway names no delay: its absence is not believed
_MUTE = "this gateway cannot be asked: look at its own page"


def verdict(app: App, refs: Sequence[Ref], seen: str | None, reference: str | None) -> Answer | None:
    """What an administrator saw on the gateway's own page of named transactions: `approved`, with the gateway's
    reference, or `failed`. None if nothing is `seen`. Raises Usage and NotPermitted.
    """
    if seen is None:
        if reference:
            raise Usage("--reference goes with --as approved", fix="leave it out, or add --as approved")
        return None
    if not refs:
        raise Usage("--as is for named transactions", fix="csctl txn reconcile TXN --as approved")
    access.require(app, "txn reconcile with --as")
    if seen == "failed":
        return Answer(State.FAILED, reason=Reason.NEVER_EXECUTED, message="not found on the gateway's own page")
    known_as = accept(reference, "reference") if reference else None
    return Answer(State.APPROVED, known_as, message="found on the gateway's own page")


def reconcile(
    app: App,
    refs: Sequence[Ref] = (),
    verdict: Answer | None = None,
    *,
    dry_run: bool = False,
    concurrency: int = 1,
    fail_fast: bool = False,
) -> Iterator[Result]:
    """Ask about the named transactions, or about all that are unknown, pending, or whose worker is gone.

    With a `verdict` nobody is asked; it is refused where somebody can be.
    """
    if refs:
        access.require(app, "txn reconcile of named transactions")
        jobs: Iterator[Job] = (_job(app, ref, verdict=verdict) for ref in refs)
    else:
        access.require(app, "txn reconcile of all")
        _tell_what_is_under_way(app)
        jobs = _all_jobs(app)
    return drive(app, jobs, window=concurrency, dry_run=dry_run, fail_fast=fail_fast)


@dataclass
class Orphans:
    """What reconciling before a cron's own work came to: `misconfigured` is our own fault, not a gateway's answer."""

    misconfigured: Misconfigured | None = None


def orphans(app: App, found: Orphans, *, concurrency: int = 1) -> None:
    """Reconcile all that is open, as every cron run does first, whoever runs it. Notices say what came of it."""
    _tell_what_is_under_way(app)
    for result in drive(app, _all_jobs(app), window=concurrency):
        app.notice(f"{result.id}: {result.outcome} {result.message}".rstrip())
        if isinstance(result.error, Misconfigured):
            found.misconfigured = result.error


def unknown_left(app: App) -> int:
    """How many transactions are unknown now."""
    with app.read() as session:
        return session.scalar(select(func.count()).where(Transaction.state == State.UNKNOWN)) or 0


def _tell_what_is_under_way(app: App) -> None:
    """A worker that died a moment ago is not told from one that waits for its answer."""
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
    """Nobody is at it just now: no worker, or one whose lease is over."""
    return or_(Transaction.lease_until.is_(None), Transaction.lease_until < app.clock.now())


def _all_jobs(app: App) -> Iterator[Job]:
    """For all that are unknown, pending, or begun by a worker whose lease is over."""
    unsure = listing.numbers(app, select(Transaction.id).where(_OPEN, _unclaimed(app)), Transaction.id)
    return (_job(app, Ref(ids.show("txn", number), number), named=False) for number in unsure)


def _job(app: App, ref: Ref, *, named: bool = True, verdict: Answer | None = None) -> Job:
    work = partial(settle, app=app, ref=ref, named=named, verdict=verdict)
    return Job(ref.given, Needs(transactions={ref.id}), work)


def settle(turn: Turn, app: App, ref: Ref, *, named: bool = True, verdict: Answer | None = None) -> Work:
    """Find out what became of one attempt, unless somebody is at it. Raises NotFound and Conflict.

    One that nobody `named` is left to whoever took it since it was listed. A `verdict` is taken instead of asking.
    """
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
    leased = row.lease_until is not None and row.lease_until >= app.clock.now()
    if not named and (leased or row.state.closed):
        return
    if leased and row.lease_until:
        raise Conflict(
            f"{ref.given} is being worked on",
            cause=f"until {row.lease_until:%H:%M:%S} UTC at the latest",
            fix="run it again then",
        )
    if row.state.closed and row.look_since and verdict and verdict.state is State.APPROVED:
        late.looked_at(turn.session, app, row)
        yield Result(ref.given, verdicts.DONE[row.kind], "it was approved late, and was looked at")
        return
    if row.state.closed:
        yield from _look_again(turn, app, ref, row)
        return
    _ = app.gateways[row.gateway]  # raises Misconfigured: before it is claimed
    if row.state is State.CREATED:
        claim, answer = attempts.claim_for(app, row), _NEVER_SENT
    elif verdict:
        _refuse_unless_mute(app, ref, row)
        claim, answer = attempts.claim_for(app, row), verdict
    else:
        row.state = State.UNKNOWN if row.state is State.SENT else row.state
        claim = attempts.claim_for(app, row)
        try:
            answer = yield from ask(turn, app, row)
        except Misconfigured:  # our own fault, and once it is mended somebody may ask at once
            row = turn.session.get_one(Transaction, ref.id)
            row.claim = row.lease_until = None
            raise
        row = turn.session.get_one(Transaction, ref.id)
    result = replace(record(turn, app, row, claim, answer), id=ref.given)
    yield _for_a_person(result, row) if answer.message == _MUTE else result


def _for_a_person(result: Result, row: Transaction) -> Result:
    """Only somebody who looks can tell."""
    fix = f"look at its own page, then csctl txn reconcile {ids.show('txn', row.id)} --as approved|failed"
    unknown = OutcomeUnknown(result.message, cause=_MUTE, fix=fix)
    return replace(result, error=unknown) if result.error else replace(result, message=f"{_MUTE}; {fix}")


def _refuse_unless_mute(app: App, ref: Ref, row: Transaction) -> None:
    if app.gateways[row.gateway].capabilities.finds is not Finds.NOTHING or _key_lives(app, row):
        raise Conflict(
            f"the gateway {row.gateway} can be asked about {ref.given}",
            cause="--as is for gateways without lookup",
            fix=f"csctl txn reconcile {ids.show('txn', row.id)}",
        )


def _key_lives(app: App, row: Transaction) -> bool:
    """Whether the gateway still takes the attempt's key for the same attempt."""
    life = app.gateways[row.gateway].capabilities.keys_live
    return bool(row.key and life and app.clock.now() - (row.sent_at or row.created_at) < life)


def record(turn: Turn, app: App, row: Transaction, claim: str, answer: Answer) -> Result:
    """The outcome of an attempt of any kind, if the claim to it still holds."""
    of_kind = charges.record if row.kind is Kind.SALE else attempts.record
    return of_kind(turn, app, row.id, claim, answer)


def _look_again(turn: Turn, app: App, ref: Ref, row: Transaction) -> Work:
    """A final outcome stays; but an approved refund may have been returned by a bank since."""
    if row.kind is Kind.REFUND and row.state is State.APPROVED:
        found = yield from settlement.ask(turn, app, ref.id)
        row = turn.session.get_one(Transaction, ref.id)
        if found and row.state is State.APPROVED and found.answer.state is State.FAILED:
            yield replace(attempts.take_back(turn, app, row, found.answer), id=ref.given)
            return
    outcome = verdicts.DONE[row.kind] if row.state is State.APPROVED else Outcome(row.state.value)
    yield Result(ref.given, outcome, "it was settled before")


def ask(turn: Turn, app: App, row: Transaction) -> Generator[Call, Any, Answer]:
    """What the gateway says of an attempt. Where it cannot say, the attempt stays as it is."""
    gateway = app.gateways[row.gateway]
    sale = turn.session.get_one(Transaction, row.parent_id) if row.parent_id else None
    stays = Answer(row.state, row.gateway_ref, Reason(row.reason) if row.reason else None)
    sent_at = row.sent_at or row.created_at
    age = app.clock.now() - sent_at
    can_find = gateway.capabilities.finds is not Finds.NOTHING
    try:
        if can_find and row.key:
            operation = operations.of_attempt(turn.session, row)
            found: Found | Absent | Ambiguous = yield Call(
                partial(gateway.find, operation), assumed=Found(stays), unsent=Found(stays)
            )
            if isinstance(found, Found):
                return found.answer
            if isinstance(found, Ambiguous):
                return replace(stays, message=f"it may be one of: {', '.join(found.candidates)}")
            late = replace(stays, message="the gateway does not know it yet")
            return ABSENT if age >= gateway.capabilities.absence_final_after.get(row.kind, _NEVER) else late
        if can_find and row.gateway_ref:  # made elsewhere: only the gateway's reference names it
            known: Found = yield Call(
                partial(gateway.lookup, row.gateway_ref, row.kind), assumed=Found(stays), unsent=Found(stays)
            )
            return known.answer
        disputed = sale is not None and sale.disputed_at is not None  # then nothing is sent, not even again
        if not disputed and _key_lives(app, row):
            answer: Answer = yield Call(_again(turn, gateway, row), assumed=stays, unsent=stays)
            # A connection that is refused now says nothing of what was sent then.
            return stays if answer.reason == Reason.UNREACHABLE else answer
    except (Unreachable, OutcomeUnknown) as gone:
        return replace(stays, message=gone.message)
    return replace(stays, message=_MUTE)


def _again(turn: Turn, gateway: Gateway, row: Transaction) -> partial[Answer]:
    """The same attempt once more, with its key: a gateway that honours keys does it at most once."""
    writes = {Kind.VOID: gateway.void, Kind.REFUND: gateway.refund}
    return partial(writes.get(row.kind, gateway.charge), operations.of_attempt(turn.session, row))
