"""A database that is older than its gateway accounts: restored from a backup, it would send what it sent before.

Before the first write to an account its newest operations are compared with the books. One with a key of csctl that the
books do not have was sent by a database that knew more than this one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session

from csctl.domain import ids
from csctl.domain.comparison import Entry
from csctl.domain.money import Money
from csctl.domain.plurals import counted
from csctl.domain.states import Kind, State
from csctl.errors import Misconfigured
from csctl.gateways.protocol import Gateway
from csctl.models import GatewayAccount, Transaction

if TYPE_CHECKING:
    from csctl.app import App

_SKEW = timedelta(minutes=2)  # our clock and the gateway's may differ
_FIRST = timedelta(days=30)  # what is compared at least when an account is used for the first time
_RECENT = timedelta(days=1)  # what can be compared while an attempt is under way: few operations
# A key of csctl (a random UUID), or as much of it as a gateway has room for.
_OURS = re.compile(r"[0-9a-f]{12}4[0-9a-f]{3}[89ab][0-9a-f]{3}(?:[0-9a-f]{12})?", re.ASCII)
_CHUNK = 200
_NAMED = 10  # sales in one error


@dataclass(frozen=True)
class Comparison:
    """Of the accounts with the books as they are before this process sends anything."""

    app: App
    marks: Mapping[str, datetime]  # when the books were up to date with an account for the last time

    def __call__(self, name: str, account: Gateway) -> bool:
        """Whether the account could be compared. Raises Misconfigured where it has operations of csctl that the books
        do not know; Unreachable.
        """
        app = self.app
        if not account.capabilities.records:
            return False
        since = (self.marks.get(name) or _beginning(app, name)) - _SKEW
        try:
            entries = [entry for entry in account.records(since, app.clock.now() + _SKEW) if _is_ours(entry)]
        except Misconfigured:  # an account that may not list what it has; its check says so
            return False
        unknown = list(_unknown(app, name, entries))
        sales = _known_sales(app, name, unknown)
        if app.gateways.url(name).shared:
            unknown = [entry for entry in unknown if entry.sale_reference in sales]
        if unknown:
            raise _restored(name, unknown, sorted(set(sales.values())))
        return True

    def is_due(self, name: str) -> bool:
        """Whether there may be too much to compare while an attempt is under way."""
        mark = self.marks.get(name)
        return mark is None or mark < self.app.clock.now() - _RECENT


def comparison(app: App) -> Comparison:
    """To be made before anything is sent: the books are up to date with an account when it answered an attempt, when
    they were compared with it, or when an administrator said so.
    """
    with app.read() as session:
        accounts = session.scalars(select(GatewayAccount)).all()
        marks = {account.name: _mark(session, account) for account in accounts}
        return Comparison(app, {name: mark for name, mark in marks.items() if mark})


def _mark(session: Session, account: GatewayAccount) -> datetime | None:
    # An attempt that was not sent, or has no answer yet, may itself be waiting for the comparison.
    answered = (
        select(Transaction.sent_at)
        .where(
            Transaction.gateway == account.name,
            Transaction.key.is_not(None),
            Transaction.sent_at.is_not(None),
            Transaction.state.in_((State.APPROVED, State.PENDING, State.DECLINED)),
        )
        .order_by(Transaction.id.desc())
        .limit(1)
    )
    return max(filter(None, (account.accepted_at, session.scalar(answered))), default=None)


def _beginning(app: App, name: str) -> datetime:
    """Where the comparison begins at the first use of an account: with the newest sale that the books have of it, at
    least some weeks ago. A backup is not older than that sale.
    """
    newest = select(func.max(Transaction.created_at)).where(
        Transaction.gateway == name,
        Transaction.kind.in_((Kind.SALE, Kind.CAPTURE)),
        Transaction.state == State.APPROVED,
    )
    with app.read() as session:
        weeks_ago = app.clock.now() - _FIRST
        return min(weeks_ago, session.scalar(newest) or weeks_ago)


def _is_ours(entry: Entry) -> bool:
    moved = entry.state in (State.APPROVED, State.PENDING)
    return moved and bool(entry.key) and _OURS.fullmatch(entry.key or "") is not None


def _unknown(app: App, name: str, entries: list[Entry]) -> Iterator[Entry]:
    """The operations that the books have neither by their key nor, imported or learned, by their reference."""
    for start in range(0, len(entries), _CHUNK):
        chunk = entries[start : start + _CHUNK]
        keys = {entry.key or "" for entry in chunk}
        references = {reference for entry in chunk for reference in (entry.reference, *entry.aliases)}
        attempts = select(Transaction.key).where(or_(*map(_begins_with, keys)))
        recorded = select(Transaction.gateway_ref).where(
            Transaction.gateway == name, Transaction.gateway_ref.in_(references - {""})
        )
        with app.read() as session:
            known = {key for key in session.scalars(attempts) if key}
            there = set(session.scalars(recorded))
        lengths = {len(key) for key in keys}
        begun = {key[:length] for key in known for length in lengths}
        for entry in chunk:
            if entry.key not in begun and not there.intersection((entry.reference, *entry.aliases)):
                yield entry


def _begins_with(key: str) -> ColumnElement[bool]:
    """A range, which the index on the keys serves: some gateways keep only the beginning of ours."""
    return and_(Transaction.key >= key, Transaction.key < key + "g")


def _known_sales(app: App, name: str, entries: list[Entry]) -> dict[str | None, int]:
    """The sales in the books that some operations belong to, by the gateway's references."""
    references = sorted({entry.sale_reference for entry in entries if entry.sale_reference})
    found: dict[str | None, int] = {}
    for start in range(0, len(references), _CHUNK):
        theirs = Transaction.gateway_ref.in_(references[start : start + _CHUNK])
        sales = select(Transaction.gateway_ref, Transaction.id).where(Transaction.gateway == name, theirs)
        with app.read() as session:
            found |= {reference: number for reference, number in session.execute(sales)}  # noqa: C416 - rows are no pairs to mypy
    return found


def _restored(name: str, unknown: list[Entry], sales: list[int]) -> Misconfigured:
    newest = max(unknown, key=lambda entry: entry.at.isoformat() if entry.at else "")
    amount = f" of {Money(newest.amount, newest.currency)}" if newest.amount and newest.currency else ""
    what = f"{newest.kind.value} {newest.reference}{amount}"
    number = counted(len(unknown), "operation")
    named = [ids.show("txn", number) for number in sales[:_NAMED]]
    return Misconfigured(
        f"the gateway account {name} has {number} of csctl that this database does not know",
        cause=f"it was restored from a backup, or another database uses the account; the newest is {what}",
        fix=f"{' '.join(('csctl txn sync', *named))}, compare with csctl txn reconcile --against {name}, then"
        f" csctl gateway accept {name};"
        " where other databases use the account, add shared=on to its URL (docs/gateways.md)",
    )
