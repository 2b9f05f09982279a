"""Find operations at NMI: by reference, by key, and all changes."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from csctl.domain.comparison import Entry
from csctl.domain.states import Kind
from csctl.gateways import tokens
from csctl.gateways.asking import MOST_PAGES, endless, one_of
from csctl.gateways.nmi import records, requests
from csctl.gateways.nmi.account import Account
from csctl.gateways.nmi.query import Transaction, knows_customer, moment, stamp
from csctl.gateways.operations import Absent, Ambiguous, Change, Found, Operation
from csctl.gateways.protocol import UnknownReference

_SKEW = timedelta(minutes=10)  # csctl's clock and the gateway's may differ
_OVERLAP = timedelta(hours=4)  # queries may show an operation only after this time
_SAME = timedelta(minutes=2)  # an action of a sale, and the transaction that it is
WATCH = timedelta(days=60)  # an electronic check may be returned this late
_FIRST = timedelta(days=30)  # the range of the first sync; lookups cover older ones


def by_reference(account: Account, reference: str) -> Transaction:
    """Raises UnknownReference, Misconfigured, Unreachable."""
    for transaction in account.query(requests.by_reference(reference)):
        if transaction.id == reference:
            return transaction
    raise UnknownReference(reference)


def find(account: Account, op: Operation) -> Found | Absent | Ambiguous:
    """Find an attempt. NMI has no id of the account: an absence counts only if the account has the sale or customer."""
    if op.sale is None:
        return _find_charge(account, op)
    sale = by_reference(account, op.sale.reference)
    if op.kind is Kind.REFUND:
        return _find_refund(account, op, sale)
    found = records.found(sale, op.kind)
    done = found.voided if op.kind is Kind.VOID else found.captured
    # An operation that NMI has not decided yet is neither done nor absent.
    return found if done or sale.condition in ("in_progress", "unknown") else Absent(f"the actions of {sale.id}")


def _find_charge(account: Account, op: Operation) -> Found | Absent | Ambiguous:
    if found := _ours(_keyed(account, op), op.kind):
        return found
    vault, _ = tokens.NMI.parts(op.token) or ("", "")
    if not vault or not knows_customer(account.ask(requests.customer(vault)), vault):
        raise UnknownReference(f"the customer {vault} in its vault")
    return Absent("the transactions with its order id")


def _find_refund(account: Account, op: Operation, sale: Transaction) -> Found | Absent | Ambiguous:
    if found := _ours(_keyed(account, op), Kind.REFUND):
        return found
    # The actions of a sale do not name csctl's key. One that could be the attempt is not taken for another's: a person
    # decides.
    since = op.sent_at - _SKEW
    alike = [
        action
        for action in sale.did("refund")
        if action.amount == op.amount and (action.at is None or action.at >= since)
    ]
    if alike:
        return Ambiguous(
            tuple(f"a refund of {sale.id} at {action.at:%Y-%m-%d %H:%M:%S}" for action in alike if action.at)
        )
    return Absent(f"the transactions with its order id, and the actions of {sale.id}")


def _keyed(account: Account, op: Operation) -> list[Transaction]:
    return [one for one in account.query(requests.by_key(op.key)) if one.order_id == op.key]


def _ours(keyed: list[Transaction], kind: Kind) -> Found | Ambiguous | None:
    """The operation with csctl's key. An order id is not unique: if two moved money, a person decides."""
    if any(records.is_refund(one) is not (kind is Kind.REFUND) for one in keyed):
        return Ambiguous(tuple(one.id for one in keyed))
    return one_of([records.found(one, kind) for one in keyed])


def changes(account: Account, cursor: str | None) -> Iterator[Change]:
    """All transactions with an action since `cursor`. The cursor moves when the last one was applied."""
    kept, now = moment(cursor or ""), account.now()
    before = kept if kept and kept <= now else now - _FIRST
    latest, waiting = before, None
    for transaction in _changed_or_watched(account, before) if kept == before else _changed(account, before - _OVERLAP):
        latest = min(max(latest, transaction.changed_at or latest), now)
        change = _change(transaction, stamp(before))
        if change and waiting:
            yield waiting
        waiting = change or waiting
    if waiting:
        # The order of pages is not documented: a cursor that moved earlier could leave transactions out.
        yield Change(waiting.kind, waiting.reference, stamp(latest), waiting.sale_reference, waiting.key, waiting.found)


def _changed_or_watched(account: Account, before: datetime) -> Iterator[Transaction]:
    """All changed transactions, after a last look-up of the refunds whose watch has ended since `before`."""
    ended = _changed(account, before - WATCH - _OVERLAP, account.now() - WATCH)
    yield from (one for one in ended if records.is_refund(one))
    yield from _changed(account, before - _OVERLAP)


def _changed(account: Account, since: datetime, until: datetime | None = None) -> Iterator[Transaction]:
    seen: set[str] = set()
    for page in range(MOST_PAGES):
        got = account.query(requests.changed(since, until, page))
        new = [one for one in got if one.id not in seen]
        seen.update(one.id for one in new)
        yield from new
        # Whether pages are counted from 0 or from 1 is not documented: the first one may come twice.
        if len(got) < requests.PAGE or (not new and page > 1):
            return
    raise endless()


def _change(transaction: Transaction, cursor: str) -> Change | None:
    kind = records.kind_of(transaction)
    if kind is None:
        return None
    return Change(
        kind,
        transaction.id,
        cursor,
        sale_reference=transaction.original_id or None,
        key=transaction.order_id or None,
        found=records.found(transaction, kind),
    )


def listed(account: Account, since: datetime, until: datetime) -> Iterator[Entry]:
    """The transactions that began in a period."""
    changed = list(_changed(account, since))
    sales = _Refunded(changed)
    for transaction in changed:
        began = min((action.at for action in transaction.actions if action.at), default=None)
        kind = records.kind_of(transaction)
        if kind is not None and began is not None and since <= began < until:
            found = records.found(transaction, kind)
            near = sales.of(transaction, began) if kind is Kind.REFUND else ()
            sale, several = (near[0], ()) if len(near) == 1 else (None, near)
            key = transaction.order_id or None
            yield found.entry(kind, key=key, sale_reference=sale, at=began, may_be_of=several)


@dataclass
class _Group:
    """Actions of one amount that follow each other closely, on one sale or on several."""

    first: datetime
    last: datetime
    sales: dict[str, None]

    @cached_property
    def references(self) -> tuple[str, ...]:
        return tuple(self.sales)


class _Refunded:
    """The sales with refunds among their actions. That a refund names its sale is not certain; its sale has an action
    of the same amount at the same time. Several sales may have one: csctl does not choose between them.
    """

    def __init__(self, changed: list[Transaction]) -> None:
        self._groups: dict[int, list[_Group]] = defaultdict(list)
        sales = [one for one in changed if not records.is_refund(one)]
        actions = [(action.at, action.amount, one.id) for one in sales for action in one.did("refund")]
        for at, amount, sale in sorted((at, amount, sale) for at, amount, sale in actions if at and amount):
            groups = self._groups[amount]
            if not groups or at - groups[-1].last > 2 * _SAME:
                groups.append(_Group(at, at, {}))
            groups[-1].last = at
            groups[-1].sales[sale] = None

    def of(self, refund: Transaction, at: datetime) -> tuple[str, ...]:
        """The sale of a refund, or those that it may belong to."""
        if refund.original_id:
            return (refund.original_id,)
        groups = self._groups.get(records.found(refund, Kind.REFUND).answer.amount or 0, [])
        place = bisect_right(groups, at + _SAME, key=lambda group: group.first)
        near = place > 0 and at - _SAME <= groups[place - 1].last
        return groups[place - 1].references if near else ()
