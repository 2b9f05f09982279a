"""A database that is older than its gateway accounts: restored from a backup, it would send what it sent before.

Before the first write to an account its newest operations are compared with the books. One with a key of csctl that no
attempt here has was sent by a database that knew more than this one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from csctl.domain.comparison import Entry
from csctl.domain.money import Money
from csctl.domain.plurals import counted
from csctl.domain.states import State
from csctl.errors import Misconfigured
from csctl.gateways.protocol import Gateway
from csctl.models import GatewayAccount, Transaction

if TYPE_CHECKING:
    from csctl.app import App

_SKEW = timedelta(minutes=2)  # our clock and the gateway's may differ
_OURS = re.compile(r"[0-9a-f]{20,32}", re.ASCII)  # a key of csctl, or as much of it as a gateway has room for
_CHUNK = 200


@dataclass(frozen=True)
class Comparison:
    """Of the accounts with the books as they are before this process sends anything."""

    app: App
    marks: Mapping[str, datetime]  # when the books were up to date with an account for the last time

    def __call__(self, name: str, account: Gateway) -> None:
        """Raises Misconfigured where an account has operations of csctl that the books do not know; Unreachable."""
        app, since = self.app, self.marks.get(name)
        if since is None or not account.capabilities.records:
            return
        try:
            entries = [entry for entry in account.records(since - _SKEW, app.clock.now() + _SKEW) if _is_ours(entry)]
        except Misconfigured:  # an account that may not list what it has; its check says so
            return
        unknown = list(_unknown(app, entries))
        if app.gateways.url(name).shared:
            unknown = [entry for entry in unknown if _of_known_sale(app, name, entry)]
        if unknown:
            raise _restored(name, unknown)


def comparison(app: App) -> Comparison:
    """To be made before anything is sent: the books are up to date with an account when an attempt was sent there, or
    an administrator accepted it. Accounts that csctl has not used are not compared.
    """
    with app.read() as session:
        accounts = session.scalars(select(GatewayAccount)).all()
        return Comparison(app, {account.name: _mark(session, account) for account in accounts})


def _mark(session: Session, account: GatewayAccount) -> datetime:
    newest = (
        select(Transaction.sent_at)
        .where(Transaction.gateway == account.name, Transaction.key.is_not(None), Transaction.sent_at.is_not(None))
        .order_by(Transaction.id.desc())
        .limit(1)
    )
    return max(filter(None, (account.first_used_at, account.accepted_at, session.scalar(newest))))


def _is_ours(entry: Entry) -> bool:
    moved = entry.state in (State.APPROVED, State.PENDING)
    return moved and bool(entry.key) and _OURS.fullmatch(entry.key or "") is not None


def _unknown(app: App, entries: list[Entry]) -> Iterator[Entry]:
    for start in range(0, len(entries), _CHUNK):
        chunk = entries[start : start + _CHUNK]
        keys = {entry.key or "" for entry in chunk}
        attempts = select(Transaction.key).where(or_(*map(_begins_with, keys)))
        with app.read() as session:
            known = {key for key in session.scalars(attempts) if key}
        lengths = {len(key) for key in keys}
        begun = {key[:length] for key in known for length in lengths}
        yield from (entry for entry in chunk if entry.key not in begun)


def _begins_with(key: str) -> ColumnElement[bool]:
    """A range, which the index on the keys serves: some gateways keep only the beginning of ours."""
    return and_(Transaction.key >= key, Transaction.key < key + "g")


def _of_known_sale(app: App, name: str, entry: Entry) -> bool:
    sale = select(Transaction.id).where(
        Transaction.gateway == name, Transaction.gateway_ref == (entry.sale_reference or "")
    )
    with app.read() as session:
        return session.scalar(sale.limit(1)) is not None


def _restored(name: str, unknown: list[Entry]) -> Misconfigured:
    newest = max(unknown, key=lambda entry: entry.at.isoformat() if entry.at else "")
    amount = f" of {Money(newest.amount, newest.currency)}" if newest.amount and newest.currency else ""
    what = f"{newest.kind.value} {newest.reference}{amount}"
    number = counted(len(unknown), "operation")
    return Misconfigured(
        f"the gateway account {name} has {number} of csctl that this database does not know",
        cause=f"it was restored from a backup, or another database uses the account; the newest is {what}",
        fix=f"csctl txn sync, compare with csctl txn reconcile --against {name}, then csctl gateway accept {name}"
        " (docs/gateways.md)",
    )
