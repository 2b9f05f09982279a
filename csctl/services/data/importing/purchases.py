"""Purchases from files: the lines of orders."""

from __future__ import annotations

from dataclasses import dataclass
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
from csctl.services.data.importing.context import Columns, Context, RowOutcome, after, find, given, merge, referred
from csctl.services.data.importing.drafts import Drafts
from csctl.services.data.importing.references import KnownMethod, KnownOrder

_KIND = KINDS["purchases"]


@dataclass(frozen=True)
class _Price:
    """What a purchase has from its price in the catalog, also what the price does not have."""

    price_point_id: int
    interval: str | None
    final_cycle: int | None


@dataclass
class _Line:
    """What a row says of a purchase, and what follows from it. What is None stays as it is."""

    quantity: int
    unit_price: int  # minor units, as all amounts
    price: int
    currency: str
    description: str | None
    status: PurchaseStatus
    cycle: int
    trial_ends_on: date | None
    next_bill_on: date | None
    cancel_on: date | None
    cancel_after_billing: bool | None
    paused_until: date | None
    next_quantity: int | None
    next_unit_price: int | None
    next_price_point_id: int | None
    checkout_amount: int | None
    payment_method_id: int | None
    billed_by: str | None
    billing_day: int | None = None


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
        by_charge = bool(rows) and rows[0].by("order") == "charge"
        self._orders = references.orders(self._session, rows, "order", mark, by_charge=by_charge, lock=True)
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

    def _values(self, row: Cells, order: KnownOrder, existing: Purchase | None) -> Columns:
        line, price = self._line(row, order, existing), self._catalog_price(row, order, existing)
        if existing is None or existing.checkout_amount == existing.price:
            line.checkout_amount = line.price if line.checkout_amount is None else line.checkout_amount
        interval = price.interval if price else existing.interval if existing else None
        _complete(line, interval, order, existing, self._context.zone)
        return {**given(**vars(line)), **(vars(price) if price else {})}

    def _line(self, row: Cells, order: KnownOrder, existing: Purchase | None) -> _Line:
        quantity = row.whole("quantity", 1, 1_000_000) or (existing.quantity if existing else 1)
        given_price = row.amount("unit_price", order.currency)
        unit_price = given_price if given_price is not None else existing.unit_price if existing else 0
        if quantity * unit_price > MOST:
            raise Usage("unit_price: the price is more than can be kept")
        method = referred(self._methods, row, "payment_method", "payment method", "payment-methods")
        if method and method.customer_id != order.customer_id:
            raise Usage("payment_method: it is another customer's")
        return _Line(
            quantity=quantity,
            unit_price=unit_price,
            price=quantity * unit_price,
            currency=order.currency,
            description=row.text("description"),
            status=row.word("status", PurchaseStatus) or (existing.status if existing else PurchaseStatus.COMPLETE),
            cycle=row.whole("cycle", 1, 100_000) or (existing.cycle if existing else 1),
            trial_ends_on=row.day("trial_ends_on"),
            next_bill_on=row.day("next_bill_on"),
            cancel_on=row.day("cancel_on"),
            cancel_after_billing=row.flag("cancel_after_billing"),
            paused_until=row.day("paused_until"),
            next_quantity=row.whole("next_quantity", 1, 1_000_000),
            next_unit_price=row.amount("next_unit_price", order.currency),
            next_price_point_id=self._next_price(row, order),
            checkout_amount=row.amount("checkout_amount", order.currency),
            payment_method_id=method.id if method else None,
            billed_by=None if existing else row.read("billed_by", _owner),
        )

    def _catalog_price(self, row: Cells, order: KnownOrder, existing: Purchase | None) -> _Price | None:
        """The price that a row names. Raises Usage for a new one that has neither a price nor a description."""
        code = row.text("price")
        if code is None:
            if existing is None and "description" not in row:
                raise Usage("price is missing", cause="and there is no description of what is not in the catalog")
            return None
        price = self._price("price", code, order)
        return _Price(price.id, price.interval, price.final_cycle)

    def _next_price(self, row: Cells, order: KnownOrder) -> int | None:
        """The price of the next billing alone. Its option follows from it."""
        code, option = row.text("next_price"), row.text("next_option")
        if code is None:
            if option:
                raise Usage("next_price is missing", cause="an option is billed by one of its prices")
            return None
        price = self._price("next_price", code, order)
        if option and price.option.code != option:
            raise Usage(f"next_option: {code} is a price of the option {price.option.code}")
        return price.id

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
        if purchase.status.billed and purchase.next_bill_on is None:
            self._context.warnings.add(
                "purchases that run have no next_bill_on, and will not be billed",
                f"{purchase.external_id} (line {row.line})",
            )


def _complete(line: _Line, interval: str | None, order: KnownOrder, existing: Purchase | None, zone: tzinfo) -> None:
    """Add what follows: a trial's next billing is its end, and a billing has its day. Raises Usage."""
    status, known = line.status, after(line, existing)
    _check_end(status, known.cancel_on, known.cancel_after_billing)
    if not status.over and not interval and not known.billed_by:
        raise Usage(
            f"invalid status {status.value} for a one-off purchase",
            cause="only a price with an interval makes a subscription",
            fix="give its price, or the status complete or cancelled; or billed_by, if another system bills it",
        )
    if status is PurchaseStatus.TRIAL:
        if not (known.trial_ends_on or known.next_bill_on):
            raise Usage("trial_ends_on is missing", cause="the purchase is in its trial")
        line.trial_ends_on = known.trial_ends_on or known.next_bill_on
        line.next_bill_on = known.next_bill_on or known.trial_ends_on
    if line.next_bill_on and interval and intervals.parse(interval).monthly:
        began = order.placed_at.astimezone(zone).date()
        line.billing_day = intervals.billing_day(line.next_bill_on, began)


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
    return None if text.casefold() == "csctl" else accept(text, "the name", longest=100)
