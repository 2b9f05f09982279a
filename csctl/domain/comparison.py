"""Compare the books with the records of a gateway: what only one side has, and what differs.

Both sides are lists of operations at one account, in the same period. States are compared by what they mean for money:
moved (approved, pending), not moved (declined, failed), or open.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from csctl.domain.states import Kind, State


class Difference(StrEnum):
    """The kind of a difference between the two sides."""

    ONLY_GATEWAY = "only_gateway"  # missing in the books
    ONLY_BOOKS = "only_books"  # missing at the gateway
    PAID_AFTER_ALL = "paid_after_all"  # declined or failed in the books, and money moved
    NOT_PAID = "not_paid"  # approved in the books, and no money moved
    AMOUNT = "amount"  # amount or currency
    VOIDED = "voided"  # only one side has voided it
    REFUNDED = "refunded"  # the gateway has returned another sum in all
    OPEN = "open"  # the books have no answer yet


@dataclass(frozen=True)
class Entry:
    """An operation in the records of a gateway. Amounts in minor units; None where the gateway does not say.

    `key` may be the beginning of csctl's key: some gateways cannot store all of it.
    """

    reference: str
    kind: Kind
    state: State
    amount: int | None = None
    currency: str | None = None
    key: str | None = None
    sale_reference: str | None = None
    at: datetime | None = None
    voided: bool | None = None
    refunded: int | None = None
    aliases: tuple[str, ...] = ()  # other references of the same operation
    sale_aliases: tuple[str, ...] = ()  # and of its sale
    may_be_of: tuple[str, ...] = ()  # sales of which it is a refund of one, where the gateway does not say of which


@dataclass(frozen=True)
class Booked:
    """An operation in the books. `at_gateway` is the sum returned through the gateway, without cheques and the like;
    `unnamed` the part of it that csctl learned from the total of the sale, without a reference; `mismatched` an attempt
    that was answered with another amount or reference.
    """

    id: int
    reference: str | None
    kind: Kind
    state: State
    amount: int
    currency: str
    at: datetime
    account: str  # the name of the gateway account
    key: str | None = None
    voided: bool = False
    at_gateway: int = 0
    unnamed: int = 0
    sale_id: int | None = None
    mismatched: bool = False


@dataclass(frozen=True)
class Finding:
    """One difference. Either side may be missing."""

    what: Difference
    ours: Booked | None
    theirs: Entry | None


_SHORTEST_KEY = 20  # characters of a key that a gateway must have stored


def compare(
    books: Iterable[Booked], entries: Iterable[Entry], *, listed: Collection[Kind] = tuple(Kind)
) -> Iterator[Finding]:
    """All differences. `listed` are the kinds of which the entries are everything that the gateway has of the period,
    so that a missing one does not exist.
    """
    index = _Index(list(books))
    matched: set[int] = set()
    for entry in entries:
        ours = index.match(entry)
        if ours is not None:
            matched.add(ours.id)
            yield from (Finding(what, ours, entry) for what in _differences(ours, entry))
        elif entry.state.accepted and not index.has_without_reference(entry):
            yield Finding(Difference.ONLY_GATEWAY, None, entry)
    yield from _unmatched([row for row in index.rows if any(_alike(row.kind, kind) for kind in listed)], matched)


class _Index:
    """The books, to be looked up by what a gateway's records name."""

    def __init__(self, rows: list[Booked]) -> None:
        self.rows = rows
        self._by_reference: dict[str, list[Booked]] = defaultdict(list)
        self._by_key: dict[str, Booked] = {}
        self._unnamed = {row.id: row.unnamed for row in rows}
        for row in rows:
            if row.reference:
                self._by_reference[row.reference].append(row)
            if row.key:
                self._by_key[row.key[:_SHORTEST_KEY]] = row

    def match(self, entry: Entry) -> Booked | None:
        """The row of an entry: by its reference, else by our key. A void may have the reference of its sale."""
        for reference in (entry.reference, *entry.aliases):
            for row in self._by_reference.get(reference, ()):
                if _alike(row.kind, entry.kind):
                    return row
        key = entry.key or ""
        keyed = self._by_key.get(key[:_SHORTEST_KEY]) if len(key) >= _SHORTEST_KEY else None
        return keyed if keyed and keyed.key and keyed.key.startswith(key) else None

    def has_without_reference(self, entry: Entry) -> bool:
        """Whether the books know a void or refund without its reference; each amount counts once."""
        return any(self._has_of(reference, entry) for reference in (entry.sale_reference or "", *entry.may_be_of))

    def _has_of(self, reference: str, entry: Entry) -> bool:
        sale = next((row for row in self._by_reference.get(reference, ()) if row.kind.takes_money), None)
        if sale and entry.kind is Kind.VOID:
            return sale.voided
        if sale is None or entry.kind is not Kind.REFUND or not 0 < (entry.amount or 0) <= self._unnamed[sale.id]:
            return False
        self._unnamed[sale.id] -= entry.amount or 0
        return True


def _alike(ours: Kind, theirs: Kind) -> bool:
    """Whether both are charges, or of the same kind: a captured authorization is a sale at some gateways."""
    return ours is theirs or (ours.is_charge and theirs.is_charge)


def _differences(ours: Booked, theirs: Entry) -> Iterator[Difference]:
    if not ours.state.closed and ours.state is not State.PENDING:
        yield Difference.OPEN
        return
    if ours.state.refused and theirs.state.accepted:
        yield Difference.PAID_AFTER_ALL
        return
    taken_back = ours.voided and theirs.voided  # of an authorization, nothing was paid then
    if not ours.state.refused and theirs.state.refused and not taken_back:
        yield Difference.NOT_PAID
        return
    if ours.state.refused:
        return
    if _amounts_differ(ours, theirs):
        yield Difference.AMOUNT
    if theirs.voided is not None and ours.kind.is_charge and theirs.voided is not ours.voided:
        yield Difference.VOIDED
    if theirs.refunded is not None and ours.kind.takes_money and theirs.refunded != ours.at_gateway:
        yield Difference.REFUNDED


def _amounts_differ(ours: Booked, theirs: Entry) -> bool:
    amount = theirs.amount is not None and theirs.amount != ours.amount
    return amount or (theirs.currency is not None and theirs.currency != ours.currency)


def _unmatched(rows: list[Booked], matched: set[int]) -> Iterator[Finding]:
    for row in rows:
        if row.id in matched or row.kind is Kind.VOID:  # a void shows as a mark on its sale
            continue
        if not row.state.closed and row.state is not State.PENDING:
            yield Finding(Difference.OPEN, row, None)
        elif not row.state.refused:
            yield Finding(Difference.ONLY_BOOKS, row, None)
