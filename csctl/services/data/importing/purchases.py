"""Purchases from files: the lines of orders."""

from __future__ import annotations

from datetime import date, tzinfo
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from csctl.domain import intervals
from csctl.domain.record_kinds import KINDS
from csctl.domain.states import PurchaseStatus
from csctl.domain.text import accept
from csctl.errors import Usage
from csctl.models import PricePoint, Purchase
from csctl.services.data.importing import order_totals, references
from csctl.services.data.importing.cells import MOST, Cells
from csctl.services.data.importing.context import Context, RowOutcome, find, given, merge, referred
from csctl.services.data.importing.drafts import Drafts
from csctl.services.data.importing.references import KnownMethod, KnownOrder

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
        self._methods: dict[str, KnownMethod] = {}
        self._touched: dict[int, KnownOrder] = {}

    def prepare(self, rows: list[Cells]) -> list[Cells]:
        mark = self._context.mark
        named = [row.text("order") for row in rows]
        self._orders = references.named(self._session, KnownOrder, named, mark, lock=True)
        self._found = find(self._session, Purchase, "pur", [r.text("external_id") for r in rows], mark, lock=True)
        theirs = [purchase.order_id for purchase in self._found.values()]
        self._orders_by_id = references.numbered(self._session, KnownOrder, theirs)
        cards = [row.text("payment_method") for row in rows]
        self._methods = references.named(self._session, KnownMethod, cards, mark)
        codes = {code for row in rows for name in ("price", "next_price") if (code := row.text(name))}
        prices = self._session.scalars(select(PricePoint).where(PricePoint.code.in_(codes))) if codes else ()
        self._prices = {price.code: price for price in prices}
        return rows

    def put(self, row: Cells) -> RowOutcome:
        key = row.text("external_id") or ""
        existing = self._found.get(key)
        order = referred(self._orders, row, "order", "order", "orders")
        if existing is None:
            row.need(_KIND)
        order = order or self._orders_by_id[existing.order_id if existing else 0]
        values = self._values(row, order, existing)
        if existing:
            outcome = merge(existing, values, self._context, fixed={"order_id": order.id})
        else:
            self._found[key] = self._new.add(
                external_id=key,
                order_id=order.id,
                created_at=order.placed_at,
                **values,
            )
            outcome = RowOutcome.CREATED
        if outcome in (RowOutcome.CREATED, RowOutcome.UPDATED):
            self._touched[order.id] = order
            self._warn(row, self._found[key])
        return outcome

    def record(self, key: str) -> Any | None:
        return self._found.get(key)

    def finish(self) -> None:
        self._new.store()
        order_totals.renew(self._session, self._touched)

    def _values(self, row: Cells, order: KnownOrder, existing: Purchase | None) -> dict[str, Any]:
        quantity = row.whole("quantity", 1, 1_000_000) or (existing.quantity if existing else 1)
        given_price = row.amount("unit_price", order.currency)
        unit_price = given_price if given_price is not None else existing.unit_price if existing else 0
        if quantity * unit_price > MOST:
            raise Usage("unit_price: the price is more than can be kept")
        method = referred(self._methods, row, "payment_method", "payment method", "payment-methods")
        if method and method.customer_id != order.customer_id:
            raise Usage("payment_method: it is another customer's")
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
            cancel_on=row.day("cancel_on"),
            cancel_after_billing=row.flag("cancel_after_billing"),
            paused_until=row.day("paused_until"),
            next_quantity=row.whole("next_quantity", 1, 1_000_000),
            next_unit_price=row.amount("next_unit_price", order.currency),
            checkout_amount=row.amount("checkout_amount", order.currency),
            payment_method_id=method.id if method else None,
            billed_by=None if existing else row.read("billed_by", _owner),
        )
        if existing is None or existing.checkout_amount == existing.price:
            values.setdefault("checkout_amount", values["price"])
        values |= self._what(row, order, existing) | self._next(row, order)
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
        price = self._price("price", code, order)
        return {"price_point_id": price.id, "interval": price.interval, "final_cycle": price.final_cycle}

    def _next(self, row: Cells, order: KnownOrder) -> dict[str, Any]:
        """The price of the next billing alone. Its option follows from it."""
        code, option = row.text("next_price"), row.text("next_option")
        if code is None:
            if option:
                raise Usage("next_price is missing", cause="an option is billed by one of its prices")
            return {}
        price = self._price("next_price", code, order)
        if option and price.option.code != option:
            raise Usage(f"next_option: {code} is a price of the option {price.option.code}")
        return {"next_price_point_id": price.id}

    def _price(self, field: str, code: str, order: KnownOrder) -> PricePoint:
        price = self._prices.get(code)
        if price is None:
            raise Usage(f"{field}: there is no price {code!r}", fix="import it first: csctl data import products FILE")
        if price.currency != order.currency:
            raise Usage(f"{field}: {code} is in {price.currency}", cause=f"the order is in {order.currency}")
        return price

    def _warn(self, row: Cells, purchase: Purchase) -> None:
        if purchase.status is PurchaseStatus.PAUSED and purchase.paused_until is None:
            self._context.warnings.add(
                "paused purchases have no paused_until, and stay paused until csctl purchase resume",
                f"{purchase.external_id} (line {row.line})",
            )
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
    _check_end(status, after("cancel_on"), after("cancel_after_billing"))
    if not status.over and not interval and not after("billed_by"):
        raise Usage(
            f"invalid status {status.value} for a one-off purchase",
            cause="only a price with an interval makes a subscription",
            fix="give its price, or the status complete or cancelled; or billed_by, if another system bills it",
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


def _check_end(status: PurchaseStatus, cancel_on: date | None, after_billing: bool | None) -> None:
    """Raises Usage where a scheduled cancellation has no moment, or a moment belongs to none."""
    scheduled = status is PurchaseStatus.CANCELLATION_SCHEDULED
    if scheduled and not cancel_on and not after_billing:
        raise Usage(
            "cancel_on is missing",
            cause="the cancellation is scheduled, and without its moment the purchase would be billed for ever",
            fix="give cancel_on, or cancel_after_billing",
        )
    if not scheduled and not status.over and (cancel_on or after_billing):
        raise Usage(f"cancel_on: no cancellation is scheduled for what is {status.value}", fix="cancellation_scheduled")


def _owner(text: str) -> str | None:
    """The other system that bills a purchase; none where it is csctl itself."""
    return None if text.casefold() == "csctl" else accept(text, "billed_by", longest=100)
