"""Purchases from files: the lines of orders."""

from __future__ import annotations

from datetime import tzinfo
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from csctl.domain import intervals
from csctl.domain.record_kinds import KINDS
from csctl.domain.states import PurchaseStatus
from csctl.errors import Usage
from csctl.models import PricePoint, Purchase
from csctl.services.data.importing import order_totals, references
from csctl.services.data.importing.cells import MOST, Cells
from csctl.services.data.importing.context import Context, RowOutcome, find, given, merge, referred
from csctl.services.data.importing.drafts import Drafts
from csctl.services.data.importing.references import KnownOrder

_KIND = KINDS["purchases"]
_BILLED = (PurchaseStatus.ACTIVE, PurchaseStatus.RECYCLE_BILLING, PurchaseStatus.CANCELLATION_SCHEDULED)


class Purchases:
    def __init__(self, session: Session, context: Context) -> None:
        self._session, self._context = session, context
        self._found: dict[str, Purchase] = {}
        self._new = Drafts(session, Purchase)
        self._orders: dict[str, KnownOrder] = {}
        self._orders_by_id: dict[int, KnownOrder] = {}
        self._prices: dict[str, PricePoint] = {}
        self._touched: dict[int, KnownOrder] = {}

    def prepare(self, rows: list[Cells]) -> list[Cells]:
        mark = self._context.mark
        named = [row.text("order") for row in rows]
        self._orders = references.named(self._session, KnownOrder, named, mark, lock=True)
        self._found = find(self._session, Purchase, "pur", [r.text("external_id") for r in rows], mark, lock=True)
        theirs = [purchase.order_id for purchase in self._found.values()]
        self._orders_by_id = references.numbered(self._session, KnownOrder, theirs)
        codes = {row.text("price") for row in rows if "price" in row}
        prices = self._session.scalars(select(PricePoint).where(PricePoint.code.in_(codes))) if codes else ()
        self._prices = {price.code: price for price in prices}
        return rows

    def put(self, row: Cells) -> RowOutcome:
        key = row.text("external_id") or ""
        existing = self._found.get(key)
        order = referred(self._orders, row, "order", "order", "orders")
        if existing is None:
            row.need(_KIND.required, _KIND.noun)
        order = order or self._orders_by_id[existing.order_id if existing else 0]
        values = self._values(row, order, existing)
        if existing:
            outcome = merge(existing, values, self._context, fixed={"order_id": order.id})
        else:
            self._found[key] = self._new.add(
                external_id=key,
                order_id=order.id,
                created_at=order.placed_at,
                checkout_amount=values["price"],
                **values,
            )
            outcome = RowOutcome.CREATED
        if outcome in (RowOutcome.CREATED, RowOutcome.UPDATED):
            self._touched[order.id] = order
            self._warn(row, self._found[key])
        return outcome

    def finish(self) -> None:
        self._new.store()
        order_totals.renew(self._session, self._touched)

    def _values(self, row: Cells, order: KnownOrder, existing: Purchase | None) -> dict[str, Any]:
        quantity = row.whole("quantity", 1, 1_000_000) or (existing.quantity if existing else 1)
        given_price = row.amount("unit_price", order.currency)
        unit_price = given_price if given_price is not None else existing.unit_price if existing else 0
        if quantity * unit_price > MOST:
            raise Usage("unit_price: the price is more than can be kept")
        values = given(
            quantity=quantity,
            unit_price=unit_price,
            price=quantity * unit_price,
            currency=order.currency,
            description=row.text("description"),
            status=row.word("status", PurchaseStatus),
            cycle=row.whole("cycle", 1, 100_000),
            trial_ends_on=row.day("trial_ends_on"),
            next_bill_on=row.day("next_bill_on"),
        )
        if existing and existing.checkout_amount == existing.price:
            values["checkout_amount"] = values["price"]
        values |= self._what(row, order, existing)
        if existing is None:
            values = {"status": PurchaseStatus.COMPLETE, "cycle": 1, **values}
        return _completed(values, order, existing, self._context.zone)

    def _what(self, row: Cells, order: KnownOrder, existing: Purchase | None) -> dict[str, Any]:
        """The price point with the interval that comes from it, or only what the row describes."""
        code = row.text("price")
        if code is None:
            if existing is None and "description" not in row:
                raise Usage("price is missing", cause="and there is no description of what is not in the catalog")
            return {}
        price = self._prices.get(code)
        if price is None:
            raise Usage(f"price: there is no price {code!r}", fix="import it first: csctl data import products FILE")
        if price.currency != order.currency:
            raise Usage(f"price: {code} is in {price.currency}", cause=f"the order is in {order.currency}")
        return {"price_point_id": price.id, "interval": price.interval, "final_cycle": price.final_cycle}

    def _warn(self, row: Cells, purchase: Purchase) -> None:
        if purchase.status in _BILLED and purchase.next_bill_on is None:
            self._context.warnings.add(
                "purchases that run have no next_bill_on, and will not be billed",
                f"{purchase.external_id} (line {row.line})",
            )


def _completed(values: dict[str, Any], order: KnownOrder, existing: Purchase | None, zone: tzinfo) -> dict[str, Any]:
    """The values with what follows from them: a trial's next billing is its end, and a billing has its day."""

    def after(name: str) -> Any:
        return values.get(name, getattr(existing, name, None))

    status, interval = after("status"), after("interval")
    if not status.over and not interval:
        raise Usage(
            f"invalid status {status.value} for a one-off purchase",
            cause="only a price with an interval makes a subscription",
            fix="give its price, or one of the statuses complete and cancelled",
        )
    if status is PurchaseStatus.TRIAL:
        if not (after("trial_ends_on") or after("next_bill_on")):
            raise Usage("trial_ends_on is missing", cause="the purchase is in its trial")
        values.setdefault("trial_ends_on", after("trial_ends_on") or after("next_bill_on"))
        values.setdefault("next_bill_on", after("next_bill_on") or after("trial_ends_on"))
    if "next_bill_on" in values and interval and intervals.parse(interval).monthly:
        began = order.placed_at.astimezone(zone).date()
        values["billing_day"] = intervals.billing_day(values["next_bill_on"], began)
    return values
