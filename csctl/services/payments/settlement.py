"""Settlement, which the gateways decide and the books only record (domain rules, section 2)."""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any

from sqlalchemy import or_, select

from csctl.domain import ids
from csctl.domain.comparison import Entry
from csctl.domain.ids import Ref
from csctl.domain.money import Money
from csctl.domain.outcomes import Outcome
from csctl.domain.states import SETTLING, ItemState, Kind, Outside, Role, Settlement, State
from csctl.errors import Conflict, Misconfigured, NotFound, OutcomeUnknown, Unreachable
from csctl.gateways.cleaning import identifier
from csctl.gateways.operations import Answer, Finds, Found
from csctl.models import QueueItem, Transaction
from csctl.results import Result
from csctl.services.outcomes import answers
from csctl.services.payments import attempts, learned, restored, returns
from csctl.services.payments.engine import drive
from csctl.services.payments.jobs import Call, Job, Needs, Turn, Work
from csctl.services.payments.restored import Lost
from csctl.services.shared import access, audit, duplicates, listing

if TYPE_CHECKING:
    from csctl.app import App


def ask(turn: Turn, app: App, number: int) -> Generator[Call, Any, Found | None]:
    """Ask the gateway about an approved transaction, and record its settlement.

    Returns what was found; None if the gateway cannot be asked or does not have it. Raises Unreachable.
    """
    row = turn.session.get_one(Transaction, number)
    gateway, reference = app.gateways[row.gateway], row.gateway_ref
    if gateway.capabilities.finds is Finds.NOTHING or reference is None:
        return None
    try:
        found: Found | None = yield Call(
            partial(gateway.lookup, reference, row.kind), assumed=None, unsent=None, reads=True
        )
    except OutcomeUnknown as lost:
        raise Unreachable("the gateway cannot be asked", cause=lost.cause, fix="run it again") from None
    if found is not None:
        row = turn.session.get_one(Transaction, number)
        _remember(turn, app, row, found)
        # An agent takes back no record of what was returned: txn sync does.
        if row.is_sale and app.actor.role is not Role.AGENT and learned.exceeds(turn, app, row, found):
            yield from _lower(turn, app, row, found)
    return found


def _lower(turn: Turn, app: App, sale: Transaction, found: Found) -> Generator[Call, Any, None]:
    """Lower what was learned of a sale to what its gateway has returned in all, unless a refund of csctl has come back:
    these are asked about first.
    """
    account, of_sale, looked_at = app.gateways[sale.gateway], sale.id, sale.looked_at
    own = {row.id: row.gateway_ref for row in learned.own_refunds(turn, sale)}
    for number, reference in own.items():
        turn.needs.transactions.add(number)
        look = partial(account.lookup, reference or "", Kind.REFUND)
        try:
            seen: Found | None = yield Call(look, assumed=None, unsent=None, reads=True)
        except (OutcomeUnknown, Unreachable, Misconfigured):
            return  # a later look-up of the sale asks again
        refund = turn.session.get_one(Transaction, number)
        if seen and seen.answer.state is State.FAILED and refund.state is State.APPROVED:
            returns.take_back(turn, app, refund, seen.answer)
    sale = turn.session.get_one(Transaction, of_sale)
    newer = [row for row in learned.own_refunds(turn, sale) if row.id not in own]
    if sale.looked_at == looked_at and not newer:  # else the sum is older than the books
        learned.lower(turn, app, sale, found)


def _remember(turn: Turn, app: App, row: Transaction, found: Found) -> None:
    before = row.settlement.value if row.settlement else None
    row.looked_at = app.clock.now()
    name = ids.show("txn", row.id)
    if row.kind.is_charge:
        answers.keep_network_ref(row, found.answer)
        learned.learn(turn, app, row, found)
    row.bank_reference = identifier(found.receipt) or row.bank_reference
    if found.settlement and found.settlement is not row.settlement:
        row.settlement, row.settled_at = found.settlement, found.settled_at
        audit.write(turn.session, app, Outcome.UPDATED, target=name, before=before, after=found.settlement.value)


def sync(
    app: App,
    refs: Sequence[Ref],
    *,
    dry_run: bool = False,
    concurrency: int = 1,
    fail_fast: bool = False,
    leave_out: Collection[int] = (),
    also: Collection[int] = (),
) -> Iterator[Result]:
    """Ask about the named transactions, or about all approved ones that are not settled, except those to `leave_out`,
    and `also` some others.

    A refund that the gateway reports as returned joins the queue.
    """
    if refs:
        access.require(app, "txn sync")
        lost = restored.lost(app, [ref.id for ref in refs])
        jobs: Iterator[Job] = (_job(app, ref, lost) for ref in refs)
    else:
        open_ones = chain(also, (number for number in _unsettled(app) if number not in leave_out))
        jobs = (_job(app, Ref(ids.show("txn", number), number), None) for number in open_ones)
    yield from drive(app, jobs, window=concurrency, dry_run=dry_run, fail_fast=fail_fast, sends=False)


def _unsettled(app: App) -> Iterator[int]:
    unsettled = Transaction.settlement == Settlement.UNSETTLED
    # A bank can return a refund weeks after it settled: it is looked up until the end of that time.
    never_after = or_(Transaction.looked_at.is_(None), Transaction.looked_at < Transaction.watch_until)
    watched = Transaction.watch_until.is_not(None) & never_after
    # A refund that was made on the gateway's own page is not retried by the queue.
    queued = Transaction.id.in_(select(QueueItem.sale_id).where(QueueItem.state == ItemState.QUEUED))
    statement = select(Transaction.id).where(
        Transaction.kind.in_(SETTLING),
        Transaction.state == State.APPROVED,
        or_(unsettled, watched, queued),
        Transaction.voided_at.is_(None),
        Transaction.duplicate_at.is_(None),
        Transaction.gateway_ref.is_not(None),
        Transaction.gateway.not_in(app.gateways.refused),
    )
    return listing.numbers(app, statement, Transaction.id)


def _job(app: App, ref: Ref, lost: Mapping[str, Lost] | None) -> Job:
    return Job(ref.given, Needs(transactions={ref.id}), lambda turn: _sync_one(turn, app, ref, lost))


def _sync_one(turn: Turn, app: App, ref: Ref, lost: Mapping[str, Lost] | None) -> Work:
    """`lost` is what the books lack of each account; None for a transaction that was not named."""
    row = turn.transaction(ref.id)
    if row is None:
        raise NotFound(f"there is no transaction {ref.given}", fix="csctl txn list")
    if lost is None and row.state is not State.APPROVED:  # another process has recorded its return in the time between
        return
    if row.state is not State.APPROVED or row.kind not in SETTLING:
        raise Conflict(f"{ref.given} does not settle", cause=f"it is a {row.kind.value}, {row.state.value}")
    if row.outside:
        yield from _sync_learned(turn, app, ref, row)
        return
    duplicates.refuse(turn.session, row)
    if row.parent_id is not None:
        turn.needs.transactions.add(row.parent_id)
    before = standing(row)
    if lost and row.gateway in lost:
        _take_lost(turn, app, row, lost[row.gateway].refunds(row.gateway_ref))
    found = yield from ask(turn, app, ref.id)
    row = turn.session.get_one(Transaction, ref.id)
    if found and row.kind is Kind.REFUND and row.state is State.APPROVED and found.answer.state is State.FAILED:
        result = returns.take_back(turn, app, row, found.answer)
        yield replace(result, id=ref.given)
        return
    yield Result(ref.given, Outcome.UPDATED if standing(row) != before else Outcome.SKIPPED, said(row, before))


def _sync_learned(turn: Turn, app: App, ref: Ref, row: Transaction) -> Work:
    """Ask about a refund that was learned: by its reference, else by its sale. Raises Conflict for a cheque."""
    number, of_sale = row.parent_id or 0, ids.show("txn", row.parent_id or 0)
    if row.outside is not Outside.GATEWAY:
        cause = f"it is recorded as a {row.outside} outside"
        raise Conflict(f"{ref.given} was not sent by csctl", cause=cause, fix=f"csctl txn sync {of_sale}")
    turn.needs.transactions.add(number)
    found = yield from ask(turn, app, ref.id)
    row = turn.session.get_one(Transaction, ref.id)
    if found and row.state is State.APPROVED and found.answer.state is State.FAILED:
        yield replace(learned.give_back(turn, app, row), id=ref.given)
        return
    before = standing(turn.session.get_one(Transaction, number))
    yield from ask(turn, app, number)
    sale = turn.session.get_one(Transaction, number)
    changed = standing(sale) != before
    yield Result(ref.given, Outcome.UPDATED if changed else Outcome.SKIPPED, said(sale, before))


def _take_lost(turn: Turn, app: App, sale: Transaction, refunds: Sequence[Entry]) -> None:
    """Record what the books lack of a sale. An attempt that they have as not sent gets its outcome. Raises Conflict
    while others are open.
    """
    unsent = select(Transaction).where(Transaction.parent_id == sale.id, Transaction.state == State.CREATED)
    attempts_of_sale = list(turn.session.scalars(unsent))
    for refund in refunds:
        own = next((row for row in attempts_of_sale if row.key and row.key.startswith(refund.key or "-")), None)
        if own and not own.is_leased(app.clock.now()):
            there = Answer(refund.state, refund.reference, amount=refund.amount, currency=refund.currency)
            attempts.record(turn, app, own.id, attempts.claim_for(app, own), there)
    if refunds and learned.is_busy(turn, sale):
        name = ids.show("txn", sale.id)
        raise Conflict(
            f"{name} has an attempt without an outcome",
            cause="what the gateway has returned may be that attempt",
            fix=f"csctl txn reconcile, then csctl txn sync {name}",
        )
    for refund in refunds:
        learned.take_refund(turn, app, sale, refund)


Standing = tuple[Settlement | None, datetime | None, datetime | None, int]


def standing(row: Transaction) -> Standing:
    """The values that a look-up can change."""
    return row.settlement, row.voided_at, row.disputed_at, row.refunded


def take(turn: Turn, app: App, row: Transaction, found: Found) -> Result | None:
    """Record the gateway's state of an approved transaction. None if nothing changed."""
    before = standing(row)
    _remember(turn, app, row, found)
    return result_of(row, before) if standing(row) != before else None


def result_of(row: Transaction, before: Standing) -> Result:
    """The changes of a look-up, as a row."""
    name = ids.show("txn", row.id)
    return Result(name, Outcome.UPDATED, said(row, before), transaction_id=name)


def said(row: Transaction, before: Standing) -> str:
    """The state of a transaction after a look-up, in words."""
    if row.voided_at:
        return "voided"
    if row.refunded > before[3]:
        return f"{Money(row.refunded - before[3], row.currency)} were returned at the gateway"
    if row.disputed_at and not before[2]:
        return "disputed"
    return row.settlement.value if row.settlement else "unknown to the gateway"
