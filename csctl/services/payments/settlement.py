"""What the gateways say of settlement: they decide it, our books only remember (domain rules, section 2)."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from csctl.domain import ids
from csctl.domain.ids import Ref
from csctl.domain.outcomes import Outcome
from csctl.domain.states import Kind, Settlement, State
from csctl.errors import Conflict, NotFound, OutcomeUnknown, Unreachable
from csctl.gateways.operations import Finds, Found
from csctl.models import Transaction
from csctl.results import Result
from csctl.services.payments import attempts
from csctl.services.payments.engine import drive
from csctl.services.payments.jobs import Call, Job, Needs, Turn, Work
from csctl.services.shared import access, audit, history, listing

if TYPE_CHECKING:
    from csctl.app import App

_SETTLES = (Kind.SALE, Kind.CAPTURE, Kind.REFUND)  # by an authorization no money moves


def ask(turn: Turn, app: App, number: int) -> Generator[Call, Any, Found | None]:
    """Ask the gateway about an approved transaction, and record what it says of settlement.

    Returns what was found; None where the gateway cannot be asked or does not know it. Raises Unreachable.
    """
    row = turn.session.get_one(Transaction, number)
    gateway, reference = app.gateways[row.gateway], row.gateway_ref
    if gateway.capabilities.finds is Finds.NOTHING or reference is None:
        return None
    try:
        found: Found | None = yield Call(partial(gateway.lookup, reference, row.kind), assumed=None, unsent=None)
    except OutcomeUnknown as lost:
        raise Unreachable("the gateway cannot be asked", cause=lost.cause, fix="run it again") from None
    if found is not None:
        _remember(turn, app, turn.session.get_one(Transaction, number), found)
    return found


def _remember(turn: Turn, app: App, row: Transaction, found: Found) -> None:
    before = row.settlement.value if row.settlement else None
    name = ids.show("txn", row.id)
    if found.voided and row.voided_at is None and row.reserved + row.refunded == 0:
        row.voided_at = app.clock.now()  # somebody voided it on the gateway's own page
        attempts.note_if_all_returned(row.order, turn.sales_of(row.order_id))
        told = f"{name} was voided at the gateway"
        history.event(turn.session, app, row.order.customer_id, told, order_id=row.order_id, transaction_id=row.id)
        audit.write(turn.session, app, Outcome.UPDATED, target=name, before=before, after="voided")
    if found.settlement and found.settlement is not row.settlement:
        row.settlement, row.settled_at = found.settlement, found.settled_at
        audit.write(turn.session, app, Outcome.UPDATED, target=name, before=before, after=found.settlement.value)


def sync(
    app: App, refs: Sequence[Ref], *, dry_run: bool = False, concurrency: int = 1, fail_fast: bool = False
) -> Iterator[Result]:
    """Ask about the named transactions, or about all approved ones that are not settled yet.

    A refund that the gateway reports as returned joins the queue.
    """
    if refs:
        access.require(app, "txn sync")
        jobs: Iterator[Job] = (_job(app, ref) for ref in refs)
    else:
        jobs = (_job(app, Ref(ids.show("txn", number), number), named=False) for number in _unsettled(app))
    yield from drive(app, jobs, window=concurrency, dry_run=dry_run, fail_fast=fail_fast)


def _unsettled(app: App) -> Iterator[int]:
    statement = select(Transaction.id).where(
        Transaction.kind.in_(_SETTLES),
        Transaction.state == State.APPROVED,
        Transaction.settlement == Settlement.UNSETTLED,
        Transaction.voided_at.is_(None),
        Transaction.gateway_ref.is_not(None),
    )
    return listing.numbers(app, statement, Transaction.id)


def _job(app: App, ref: Ref, *, named: bool = True) -> Job:
    return Job(ref.given, Needs(transactions={ref.id}), lambda turn: _sync_one(turn, app, ref, named=named))


def _sync_one(turn: Turn, app: App, ref: Ref, *, named: bool) -> Work:
    row = turn.transaction(ref.id)
    if row is None:
        raise NotFound(f"there is no transaction {ref.given}", fix="csctl txn list")
    if not named and row.state is not State.APPROVED:  # somebody else has learnt since that it came back
        return
    if row.state is not State.APPROVED or row.kind not in _SETTLES:
        raise Conflict(f"{ref.given} does not settle", cause=f"it is a {row.kind.value}, {row.state.value}")
    if row.outside:
        raise Conflict(f"{ref.given} was not sent by csctl", cause=f"it is recorded as a {row.outside.value} outside")
    if row.parent_id is not None:
        turn.needs.transactions.add(row.parent_id)
    before = (row.settlement, row.voided_at)
    found = yield from ask(turn, app, ref.id)
    row = turn.session.get_one(Transaction, ref.id)
    if found and row.kind is Kind.REFUND and row.state is State.APPROVED and found.answer.state is State.FAILED:
        result = attempts.take_back(turn, app, row, found.answer)
        yield replace(result, id=ref.given)
        return
    now = row.settlement.value if row.settlement else "unknown to the gateway"
    new = (row.settlement, row.voided_at) != before
    yield Result(ref.given, Outcome.UPDATED if new else Outcome.SKIPPED, "voided" if row.voided_at else now)
