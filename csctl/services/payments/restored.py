"""A database that is older than its gateway accounts: restored from a backup, it would send what it sent before.

Before the first write to an account its newest operations are compared with the books. One with a key of csctl that the
books do not have was sent by a database that knew more than this one.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session

from csctl.domain import ids
from csctl.domain.comparison import Entry
from csctl.domain.money import Money
from csctl.domain.plurals import counted
from csctl.domain.states import SALES, Kind, Outside, State
from csctl.errors import Conflict, Misconfigured, NotFound, Unreachable
from csctl.gateways.operations import Change
from csctl.gateways.protocol import Gateway
from csctl.models import GatewayAccount, Transaction
from csctl.services.shared.chunks import chunks

if TYPE_CHECKING:
    from csctl.app import App

SKEW = timedelta(minutes=2)  # our clock and the gateway's may differ
_FIRST = timedelta(days=30)  # what is compared at least when an account is used for the first time
_RECENT = timedelta(days=1)  # what can be compared while an attempt is under way: few operations
# A key of csctl (a random UUID), or as much of it as a gateway has room for.
_OURS = re.compile(r"[0-9a-f]{12}4[0-9a-f]{3}[89ab][0-9a-f]{3}(?:[0-9a-f]{12})?", re.ASCII)
_CHUNK = 200  # keys in one query, each with two comparisons
_LONG_AGO = datetime.min.replace(tzinfo=UTC)
_NAMED = 10  # sales in one error
_LOOKED = select(Transaction.looked_at)
_UNNAMED = select(func.sum(Transaction.amount)).where(
    Transaction.outside == Outside.GATEWAY, Transaction.gateway_ref.is_(None), Transaction.state == State.APPROVED
)
_Record = TypeVar("_Record", Entry, Change)


@dataclass(frozen=True)
class Lost:
    """The operations of csctl that an account has and the books do not. `sales` are those in the books that refunds
    among them belong to, by the gateway's references.
    """

    entries: list[Entry]
    sales: Mapping[str, int]

    @property
    def newest(self) -> Entry:
        return max(self.entries, key=lambda entry: entry.at or _LONG_AGO)

    @cached_property
    def _refunds(self) -> Mapping[str | None, list[Entry]]:
        found: dict[str | None, list[Entry]] = defaultdict(list)
        for one in self.entries:
            if one.kind is Kind.REFUND:
                found[one.sale_reference].append(one)
        return found

    def refunds(self, sale: str | None) -> Sequence[Entry]:
        """The refunds of one sale, by the gateway's reference."""
        return self._refunds.get(sale, ())


@dataclass(frozen=True)
class Comparison:
    """Of the accounts with the books as they are before this process sends anything."""

    app: App
    marks: Mapping[str, datetime]  # when the books were up to date with an account for the last time

    def __call__(self, name: str, account: Gateway) -> bool:
        """Whether the account could be compared. Raises Misconfigured where it has operations of csctl that the books
        do not know; Unreachable.
        """
        lost = self.lost(name, account)
        if lost and lost.entries:
            raise _restored(name, lost)
        return lost is not None

    def lost(self, name: str, account: Gateway) -> Lost | None:
        """What the account has and the books do not; None where it cannot list what it has. Raises Unreachable."""
        app = self.app
        if not account.capabilities.records:
            return None
        since = (self.marks.get(name) or _beginning(app, name)) - SKEW
        try:
            entries = [entry for entry in account.records(since, app.clock.now() + SKEW) if _is_ours(entry)]
        except Misconfigured:  # an account that may not list what it has; its check says so
            return None
        unknown = with_sales(account, list(_unknown(app, name, entries)))
        sales = _known_sales(app, name, unknown)
        unknown = [_as_booked(entry, sales) for entry in unknown]
        if app.gateways.url(name).shared:
            unknown = [one for one in unknown if any(sale in sales for sale in (one.sale_reference, *one.may_be_of))]
        return Lost(unknown, sales)

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
        Transaction.kind.in_(SALES),
        Transaction.state == State.APPROVED,
    )
    with app.read() as session:
        weeks_ago = app.clock.now() - _FIRST
        return min(weeks_ago, session.scalar(newest) or weeks_ago)


def lost(app: App, numbers: Sequence[int]) -> dict[str, Lost]:
    """What the books lack of the accounts of some transactions, by the names of the accounts."""
    with app.read() as session:
        used = select(Transaction.gateway).where(Transaction.outside.is_(None)).distinct()
        of_some = (used.where(Transaction.id.in_(some)) for some in chunks(numbers))
        names = {name for statement in of_some for name in session.scalars(statement)}
    compare, found = comparison(app), {}
    for name in filter(names.__contains__, app.gateways):
        try:
            account = app.gateways[name]
            found[name] = compare.lost(name, account)
        except (Misconfigured, Unreachable) as problem:  # the look-ups of the transactions meet it, too
            app.notice(f"{name} could not be compared with the books: {problem.cause or problem.message}")
    return {name: one for name, one in found.items() if one}


def with_sales(account: Gateway, records: Sequence[_Record]) -> list[_Record]:
    """Records of an account with the sales of refunds, which the lists of some gateways do not name. Where what was
    returned of a sale in all is known, no look-up is needed. Raises Unreachable.
    """
    totals = account.capabilities.tells_refunded_total
    return [
        one
        if totals or one.kind is not Kind.REFUND or one.sale_reference
        else replace(one, sale_reference=account.lookup(one.reference, one.kind).sale_reference)
        for one in records
    ]


def charge(app: App, reference: str) -> tuple[str, Entry]:
    """A charge of csctl that the books lack, with the name of its account. Raises NotFound and Unreachable."""
    compare = comparison(app)
    for name in app.gateways:
        known = compare.lost(name, app.gateways[name])
        for one in known.entries if known else ():
            if one.kind is Kind.SALE and reference in (one.reference, *one.aliases):
                return name, one
    raise NotFound(
        f"{reference} is not a charge of csctl that the books lack",
        cause="they were compared with the newest operations of each account that lists them",
        fix="csctl txn reconcile --against NAME",
    )


def accepted(app: App, name: str, account: Gateway, *, charges: bool) -> datetime:
    """The time from which an account is compared with the books again: after its newest operation of csctl.

    Raises Conflict while the books lack refunds of sales that they have, which could be paid again, or charges, unless
    these `charges` are accepted. Unreachable.
    """
    now, lost = app.clock.now(), comparison(app).lost(name, account)
    if lost is None or not lost.entries:
        return now
    if missing := [*_missing(app, lost), *_unclear(app, lost)]:
        raise Conflict(
            f"refunds of {names(missing)} are at the gateway account {name}, and not in the books",
            cause="they could be paid again",
            fix=f"{_sync_of(missing)}, then csctl gateway accept {name}",
        )
    if not charges and (made := [one for one in lost.entries if one.kind.takes_money]):
        raise Conflict(
            f"the books lack {counted(len(made), 'charge')} of csctl at the account {name}: {_shown(made)}",
            cause="what was paid for would be charged again",
            fix="csctl purchase force-bill PUR --charged REFERENCE for each, or csctl data import all FILE for an order"
            f" that the books lack; then csctl gateway accept {name}, with --charges if the rest was returned",
        )
    app.notice(
        f"Warning: {counted(len(lost.entries), 'operation')} of csctl at {name} stay unknown to the books:"
        f" {_shown(lost.entries)}."
    )
    newest = min(lost.newest.at or now, now + SKEW)
    return max(now, newest + SKEW + timedelta(seconds=1))


def _missing(app: App, lost: Lost) -> list[int]:
    """The sales of which a refund that the books lack fits into what they have as not returned."""
    of_sales = select(Transaction).where(Transaction.voided_at.is_(None))
    with app.read() as session:
        return [
            sale.id
            for some in chunks(sorted(lost.sales.values()))
            for sale in session.scalars(of_sales.where(Transaction.id.in_(some)))
            if any(0 < (one.amount or 0) <= sale.amount - sale.refunded for one in lost.refunds(sale.gateway_ref))
        ]


def _unclear(app: App, lost: Lost) -> Iterator[int]:
    """The sales that refunds may belong to, until a look-up of these since has shown what was returned of each."""
    alike: dict[tuple[str, ...], list[Entry]] = defaultdict(list)
    for one in lost.entries:
        if one.may_be_of:
            alike[one.may_be_of].append(one)
    for references, refunds in alike.items():
        numbers = [lost.sales[reference] for reference in references if reference in lost.sales]
        newest = max(one.at or _LONG_AGO for one in refunds)
        with app.read() as session:
            looked = [at for some in chunks(numbers) for at in session.scalars(_LOOKED.where(Transaction.id.in_(some)))]
            learned = sum(
                session.scalar(_UNNAMED.where(Transaction.parent_id.in_(some))) or 0 for some in chunks(numbers)
            )
        paid = sum(one.amount or 0 for one in refunds)
        if any(at is None or at < newest for at in looked) or (len(numbers) == len(references) and learned < paid):
            yield from numbers


def _is_ours(entry: Entry) -> bool:
    return entry.state.accepted and is_key(entry.key)


def is_key(text: str | None) -> bool:
    """Whether a text at a gateway is a key of csctl."""
    return _OURS.fullmatch(text or "") is not None


def _unknown(app: App, name: str, entries: list[Entry]) -> Iterator[Entry]:
    """The operations that the books have neither by the key of an attempt that was sent nor, imported or learned, by
    their reference. A backup can be of the moment between an intent and its sending.
    """
    for chunk in chunks(entries, _CHUNK):
        keys = {entry.key or "" for entry in chunk}
        references = {reference for entry in chunk for reference in (entry.reference, *entry.aliases)}
        attempts = select(Transaction.key).where(or_(*map(_begins_with, keys)), Transaction.sent_at.is_not(None))
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


def _known_sales(app: App, name: str, entries: list[Entry]) -> dict[str, int]:
    """The sales in the books that some operations belong to, by the gateway's references."""
    named = {reference for entry in entries for reference in (entry.sale_reference, *entry.sale_aliases)}
    named.update(*{entry.may_be_of for entry in entries})
    references = sorted(filter(None, named))
    found: dict[str, int] = {}
    sales = select(Transaction.gateway_ref, Transaction.id).where(
        Transaction.gateway == name, Transaction.kind.in_(SALES)
    )
    with app.read() as session:
        for some in chunks(references):
            known = session.execute(sales.where(Transaction.gateway_ref.in_(some)))
            found |= {reference or "": number for reference, number in known}
    return found


def _as_booked(entry: Entry, sales: Mapping[str, int]) -> Entry:
    """The operation with that reference of its sale which the books have."""
    booked = next((alias for alias in entry.sale_aliases if alias in sales), None)
    return entry if booked is None or entry.sale_reference in sales else replace(entry, sale_reference=booked)


def _restored(name: str, lost: Lost) -> Misconfigured:
    return Misconfigured(
        f"the gateway account {name} has {counted(len(lost.entries), 'operation')} of csctl that this database does"
        " not know",
        cause="it was restored from a backup, or another database uses the account; the newest is"
        f" {_shown([lost.newest])}",
        fix=f"{_sync_of(lost.sales.values())}, compare with csctl txn reconcile --against {name}, then"
        f" csctl gateway accept {name};"
        " where other databases use the account, add shared=on to its URL (docs/gateways.md)",
    )


def _shown(entries: Sequence[Entry]) -> str:
    """Operations in words, or the first of many."""
    some = []
    for one in entries[:_NAMED]:
        amount = f" of {Money(one.amount, one.currency)}" if one.amount and one.currency else ""
        some.append(f"{one.kind.value} {one.reference}{amount}")
    return ", ".join(some)


def _sync_of(sales: Iterable[int]) -> str:
    """The command that books the refunds of sales."""
    return f"csctl txn sync {names(sales)}".rstrip()


def names(sales: Iterable[int]) -> str:
    """Sales, or the first of many."""
    return " ".join(ids.show("txn", number) for number in sorted(set(sales))[:_NAMED])
