"""`txn sync` of all transactions: the changes of the gateways, and then a look-up of each that they do not cover."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import or_, select

from csctl.domain.states import Kind, Settlement, State
from csctl.models import Transaction
from csctl.results import Result
from csctl.services.outcomes import late
from csctl.services.payments import accounts, changes, settlement

if TYPE_CHECKING:
    from csctl.app import App

# A transaction without any change in this time is looked up by itself.
_QUIET = timedelta(days=3)


def everything(app: App, *, dry_run: bool = False, concurrency: int = 1, fail_fast: bool = False) -> Iterator[Result]:
    """Update all approved transactions that are not final. A dry run looks up each, and stores nothing."""
    _ = app.gateways
    seen, doubtful = set[int](), _with_late_refunds(app)
    accounts.remember(app, store=not dry_run)
    if not dry_run:
        for name in changes.accounts(app.gateways):
            covered = changes.Pass(name)
            yield from changes.take(app, covered)
            seen |= covered.seen
            doubtful |= covered.doubtful
            if covered.complete and not covered.first:
                seen |= _covered(app, name)
    for name, error in app.gateways.refused.items():
        yield Result.refused(name, error)
    yield from settlement.sync(
        app, (), dry_run=dry_run, concurrency=concurrency, fail_fast=fail_fast, leave_out=seen | doubtful, also=doubtful
    )


def _with_late_refunds(app: App) -> set[int]:
    """The sales with a refund that was approved late, and was not checked yet: it may have been learned before."""
    late_ones = select(Transaction.parent_id).where(late.NOT_LOOKED_AT, Transaction.kind == Kind.REFUND)
    with app.read() as session:
        return {number for number in session.scalars(late_ones) if number}


def _covered(app: App, account: str) -> set[int]:
    """What the account's changes would contain: new transactions, and settled refunds until the end of their watch."""
    since = app.clock.now() - _QUIET
    watched = (
        (Transaction.kind == Kind.REFUND)
        & (Transaction.settlement == Settlement.SETTLED)
        & (Transaction.watch_until >= since)
    )
    covered = select(Transaction.id).where(
        Transaction.gateway == account,
        Transaction.state == State.APPROVED,
        or_(Transaction.created_at >= since, watched),
    )
    with app.read() as session:
        return set(session.scalars(covered))
