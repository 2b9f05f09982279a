"""`txn sync` of everything: what the gateways' changes tell, and then a question about each that they left out."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import select

from csctl.domain.states import State
from csctl.models import Transaction
from csctl.results import Result
from csctl.services.payments import accounts, changes, settlement

if TYPE_CHECKING:
    from csctl.app import App

# A transaction that an account's changes have not told of for so long is asked about by itself.
_QUIET = timedelta(days=3)


def everything(app: App, *, dry_run: bool = False, concurrency: int = 1, fail_fast: bool = False) -> Iterator[Result]:
    """Bring all approved transactions up to date that are not final yet. A dry run asks for each, and keeps nothing."""
    _ = app.gateways
    told: set[int] = set()
    if not dry_run:
        accounts.remember(app)
        for name in changes.accounts(app):
            covered = changes.Pass(name)
            yield from changes.take(app, covered)
            told |= covered.seen
            if covered.complete and not covered.first:
                told |= _recent(app, name)
    yield from settlement.sync(app, (), dry_run=dry_run, concurrency=concurrency, fail_fast=fail_fast, leave_out=told)


def _recent(app: App, account: str) -> set[int]:
    """What is so new that the account's changes have not been quiet about it for long."""
    since = app.clock.now() - _QUIET
    new = select(Transaction.id).where(
        Transaction.gateway == account, Transaction.state == State.APPROVED, Transaction.created_at >= since
    )
    with app.read() as session:
        return set(session.scalars(new))
