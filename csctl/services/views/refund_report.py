"""Refunds by reason, operator, product or day."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from csctl.domain.money import to_decimal
from csctl.domain.states import Kind, Outside, State
from csctl.models import PricePoint, ProductOption, Purchase, Transaction
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

    def add(self, refund: Transaction) -> None:
        """Count one refund."""
        self.refunds += 1
        self.amount += refund.amount
        if refund.outside is Outside.PAYMENT:
            self.outside += refund.amount
        elif refund.outside is Outside.CHARGEBACK:
            self.chargebacks += refund.amount

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
    """The approved refunds of a period, by the time of their approval. Raises Usage for an invalid time."""
    groups: dict[tuple[str, str], Line] = {}
    days: dict[tuple[str, str], Line] = {}
    for group, day, refund in _all(app, by, since, until):
        for name, found in ((group, groups), (day.isoformat(), days)):
            found.setdefault((name, refund.currency), Line(name, refund.currency)).add(refund)
    in_order = sorted(days.values(), key=lambda line: (line.currency, line.group))
    largest = sorted(groups.values(), key=lambda line: (line.currency, -line.amount, line.group))
    return Report(by, since, until, in_order if by == "day" else largest, in_order)


def _all(app: App, by: str, since: str | None, until: str | None) -> Iterator[tuple[str, date, Transaction]]:
    """Each refund with its group and its business day."""
    period = listing.between(app.clock, Transaction.finished_at, since, until)
    wanted = select(Transaction.id).where(
        Transaction.kind == Kind.REFUND,
        Transaction.state == State.APPROVED,
        Transaction.finished_at.is_not(None),
        *period,
    )
    batch: list[int] = []
    for number in listing.numbers(app, wanted, Transaction.id):
        batch.append(number)
        if len(batch) == _BATCH:
            yield from _described(app, by, batch)
            batch = []
    yield from _described(app, by, batch)


def _described(app: App, by: str, numbers: list[int]) -> list[tuple[str, date, Transaction]]:
    if not numbers:
        return []
    with app.read() as session:
        found = session.scalars(select(Transaction).where(Transaction.id.in_(numbers))).all()
        name = _namer(session, by, found)
        return [(name(one), app.clock.day_of(one.finished_at or one.created_at), one) for one in found]


def _namer(session: Session, by: str, found: Any) -> Callable[[Transaction], str]:
    """The function that names the group of a refund."""
    if by == "operator":
        names = operator_names.names(session)
        return lambda one: names.get(one.created_by or 0, _IMPORTED)
    if by == "product":
        products = _products(session, {one.purchase_id for one in found if one.purchase_id})
        return lambda one: products.get(one.purchase_id or 0, _SEVERAL)
    if by == "day":
        return lambda _one: ""  # the day itself is the group
    return lambda one: one.refund_reason or ("(chargeback)" if one.outside is Outside.CHARGEBACK else _NO_REASON)


def _products(session: Session, numbers: set[int]) -> dict[int, str]:
    point = joinedload(Purchase.price_point).joinedload(PricePoint.option).joinedload(ProductOption.product)
    purchases = session.scalars(select(Purchase).where(Purchase.id.in_(numbers)).options(point))
    named: dict[int, str] = defaultdict(str)
    for purchase in purchases:
        known = purchase.price_point
        named[purchase.id] = known.option.product.name if known else purchase.description or _SEVERAL
    return named
