"""Refunds by reason, operator, product or day."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import islice
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased, joinedload

from csctl.domain.money import to_decimal
from csctl.domain.states import ItemState, Kind, Outside, State
from csctl.models import PricePoint, ProductOption, Purchase, QueueItem, Transaction
from csctl.results import Row
from csctl.services.shared import listing, operator_names

if TYPE_CHECKING:
    from csctl.app import App

_BATCH = 1000
_NO_REASON = "(no reason)"
_IMPORTED = "(imported)"
_SEVERAL = "(several products)"


@dataclass
class Line:
    """The refunds of one group in one currency, in minor units. `outside` and `chargebacks` are parts of the amount."""

    group: str
    currency: str
    refunds: int = 0
    amount: int = 0
    outside: int = 0
    chargebacks: int = 0

    def add(self, refund: _Returned) -> None:
        """Count one refund."""
        self.refunds += 1
        self.amount += refund.amount
        if refund.outside is Outside.CHARGEBACK:
            self.chargebacks += refund.amount
        elif refund.outside:
            self.outside += refund.amount

    def row(self, by: str) -> Row:
        return {
            "by": by,
            "group": self.group,
            "refunds": self.refunds,
            "amount": to_decimal(self.amount, self.currency),
            "currency": self.currency,
            "outside": to_decimal(self.outside, self.currency),
            "chargebacks": to_decimal(self.chargebacks, self.currency),
        }


@dataclass
class Report:
    """The refunds of a period: `lines` by the chosen grouping, the largest first, and `days` in their order."""

    by: str
    since: str | None
    until: str | None
    lines: list[Line] = field(default_factory=list)
    days: list[Line] = field(default_factory=list)

    def rows(self) -> list[Row]:
        return [line.row(self.by) for line in self.lines]


def refunds(app: App, *, by: str = "reason", since: str | None = None, until: str | None = None) -> Report:
    """The approved refunds of a period, by the time of their approval, and queue items that were resolved by a payment
    outside. Raises Usage for an invalid time.
    """
    groups: dict[tuple[str, str], Line] = {}
    days: dict[tuple[str, str], Line] = {}
    for group, day, refund in _all(app, by, since, until):
        for name, found in ((group, groups), (day.isoformat(), days)):
            found.setdefault((name, refund.currency), Line(name, refund.currency)).add(refund)
    in_order = sorted(days.values(), key=lambda line: (line.currency, line.group))
    largest = sorted(groups.values(), key=lambda line: (line.currency, -line.amount, line.group))
    return Report(by, since, until, in_order if by == "day" else largest, in_order)


@dataclass(frozen=True)
class _Returned:
    """An amount that was returned, in minor units. `asked` is the refund as it was first asked for, before retries."""

    amount: int
    currency: str
    at: datetime
    outside: Outside | None
    asked: Transaction


def _all(app: App, by: str, since: str | None, until: str | None) -> Iterator[tuple[str, date, _Returned]]:
    """What was returned, each with its group and its business day."""
    refund = select(Transaction.id).where(
        Transaction.kind == Kind.REFUND,
        Transaction.state == State.APPROVED,
        Transaction.finished_at.is_not(None),
        *listing.between(app.clock, Transaction.finished_at, since, until),
    )
    item = select(QueueItem.id).where(
        QueueItem.state == ItemState.RESOLVED,
        QueueItem.reference.is_not(None),  # of a payment outside, which no refund stands for
        QueueItem.closed_at.is_not(None),
        *listing.between(app.clock, QueueItem.closed_at, since, until),
    )
    for read, numbers in (
        (_refunds, listing.numbers(app, refund, Transaction.id)),
        (_resolved, listing.numbers(app, item, QueueItem.id)),
    ):
        while some := list(islice(numbers, _BATCH)):
            with app.read() as session:
                found = read(session, some)
                name = _namer(session, by, found)
                named = [(name(one), app.clock.day_of(one.at), one) for one in found]
            yield from named


def _refunds(session: Session, numbers: Sequence[int]) -> list[_Returned]:
    first = aliased(Transaction)
    rows = session.execute(
        select(Transaction, first)
        .outerjoin(QueueItem, QueueItem.id == Transaction.queue_item_id)
        .outerjoin(first, first.id == QueueItem.origin_id)
        .where(Transaction.id.in_(numbers))
    )
    return [
        _Returned(one.amount, one.currency, one.finished_at or one.created_at, one.outside, asked or one)
        for one, asked in rows
    ]


def _resolved(session: Session, numbers: Sequence[int]) -> list[_Returned]:
    items = session.scalars(select(QueueItem).where(QueueItem.id.in_(numbers)).options(joinedload(QueueItem.origin)))
    return [
        _Returned(item.amount, item.currency, item.closed_at or item.created_at, Outside.PAYMENT, item.origin)
        for item in items
    ]


def _namer(session: Session, by: str, found: Sequence[_Returned]) -> Callable[[_Returned], str]:
    """The function that names the group of what was returned."""
    if by == "operator":
        names = operator_names.names(session)
        return lambda one: names.get(one.asked.created_by or 0, _IMPORTED)
    if by == "product":
        products = _products(session, {one.asked.purchase_id for one in found if one.asked.purchase_id})
        return lambda one: products.get(one.asked.purchase_id or 0, _SEVERAL)
    if by == "day":
        return lambda _one: ""  # the day itself is the group
    return lambda one: one.asked.refund_reason or ("(chargeback)" if one.outside is Outside.CHARGEBACK else _NO_REASON)


def _products(session: Session, numbers: set[int]) -> dict[int, str]:
    point = joinedload(Purchase.price_point).joinedload(PricePoint.option).joinedload(ProductOption.product)
    purchases = session.scalars(select(Purchase).where(Purchase.id.in_(numbers)).options(point))
    named: dict[int, str] = defaultdict(str)
    for purchase in purchases:
        known = purchase.price_point
        named[purchase.id] = known.option.product.name if known else purchase.description or _SEVERAL
    return named
