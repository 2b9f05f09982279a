"""Change the option or price point of a purchase."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from csctl.domain import ids, intervals
from csctl.domain import purchases as rules
from csctl.domain.ids import Ref
from csctl.domain.purchases import Operation
from csctl.errors import Conflict, NotFound
from csctl.models import PricePoint, ProductOption, Purchase
from csctl.results import Result
from csctl.services.outcomes import deferred
from csctl.services.purchases import changes as purchase_changes
from csctl.services.purchases.changes import carry_out, locked, require_recurring
from csctl.services.shared import bulk

if TYPE_CHECKING:
    from csctl.app import App


def change_option(
    app: App, ref: Ref, option: str, price: str | None, *, next_only: bool, dry_run: bool
) -> Iterator[Result]:
    """Change to another option of the same product, by its code. Quantity and price stay, unless a price point is
    given.
    """

    def take(session: Session, purchase: Purchase) -> None:
        wanted = _option(session, purchase, option)
        if price is None:
            point = _alike(purchase, wanted)
            _set(session, purchase, point, purchase.unit_price, next_only=next_only)
        else:
            point = _point(session, purchase, price)
            if point.option_id != wanted.id:
                raise Conflict(
                    f"{price} is not a price point of the option {wanted.code}",
                    cause=f"it belongs to the option {point.option.code}",
                    fix=f"its prices: {_codes(wanted.prices)}",
                )
            _set(session, purchase, point, point.amount, next_only=next_only)

    return _one(app, ref, Operation.OPTION, take, dry_run=dry_run)


def change_price(app: App, ref: Ref, price: str, *, next_only: bool, dry_run: bool) -> Iterator[Result]:
    """Change to another price point of the same option, by its code. The quantity stays."""

    def take(session: Session, purchase: Purchase) -> None:
        point = _point(session, purchase, price)
        current = _current(purchase)
        if point.option_id != current.option_id:
            raise Conflict(
                f"{price} is a price of another option, {point.option.code}",
                cause=f"{ids.show('pur', purchase.id)} is {current.option.code}",
                fix=f"csctl purchase option {ids.show('pur', purchase.id)} {point.option.code} --price {price}",
            )
        _set(session, purchase, point, point.amount, next_only=next_only)

    return _one(app, ref, Operation.PRICE, take, dry_run=dry_run)


def _one(app: App, ref: Ref, operation: Operation, take: purchase_changes.Change, *, dry_run: bool) -> Iterator[Result]:
    def change(session: Session, ref: Ref) -> Result:
        return carry_out(session, app, locked(session, ref.id), ref.given, operation, take)

    return bulk.each(app, [ref], change, dry_run=dry_run)


def _set(session: Session, purchase: Purchase, point: PricePoint, unit_price: int, *, next_only: bool) -> None:
    """Set this price point, from now on or for the next billing alone. Unit price in minor units."""
    if next_only:
        require_recurring(purchase)
        deferred.refuse_next_only(session, purchase)
        quantity = purchase.quantity if purchase.next_quantity is None else purchase.next_quantity
        rules.priced(quantity, unit_price, purchase.currency)
        purchase.next_price_point_id, purchase.next_unit_price = point.id, unit_price
        return
    _require_cycles_left(purchase, point)
    total = rules.priced(purchase.quantity, unit_price, purchase.currency).amount
    purchase.price_point, purchase.final_cycle = point, point.final_cycle
    purchase.unit_price, purchase.price = unit_price, total
    if point.interval != purchase.interval:
        _bill_every(purchase, point.interval)
    if purchase.next_price_point_id is not None:  # the last change takes precedence
        purchase.next_price_point_id = purchase.next_unit_price = None


def _require_cycles_left(purchase: Purchase, point: PricePoint) -> None:
    """Raises Conflict for a price whose final cycle the purchase has passed."""
    if point.final_cycle is not None and purchase.cycle >= point.final_cycle:
        name = ids.show("pur", purchase.id)
        raise Conflict(
            f"{point.code} ends with cycle {point.final_cycle}", cause=f"{name} is in cycle {purchase.cycle}"
        )


def _bill_every(purchase: Purchase, interval: str | None) -> None:
    """Change the interval from the next billing on. A purchase that bills on the 31st still does, if it counts in
    months.
    """
    purchase.interval = interval
    if interval is None or not intervals.parse(interval).monthly:
        purchase.billing_day = None
    elif purchase.billing_day is None and (due := purchase.due_on or purchase.next_bill_on):
        purchase.billing_day = due.day


def _current(purchase: Purchase) -> PricePoint:
    """The purchase's price point. Raises Conflict for a purchase that is not in the catalog."""
    if purchase.price_point is None:
        name = ids.show("pur", purchase.id)
        raise Conflict(
            f"{name} is not in the catalog",
            cause="so it has neither options nor price points",
            fix=f"csctl purchase quantity {name} --quantity {purchase.quantity} --unit-price PRICE",
        )
    return purchase.price_point


def _option(session: Session, purchase: Purchase, code: str) -> ProductOption:
    """The option of the purchase's product with this code. Raises NotFound, or Conflict for another product's."""
    product = _current(purchase).option.product
    for option in product.options:
        if option.code.lower() == code.strip().lower():
            return option
    fix = f"its options: {', '.join(option.code for option in product.options)}"
    elsewhere = session.scalar(select(ProductOption).where(func.lower(ProductOption.code) == code.strip().lower()))
    if elsewhere is not None:
        raise Conflict(f"{code} is an option of another product", cause=f"this one is {product.sku}", fix=fix)
    raise NotFound(f"there is no option {code!r}", fix=fix)


def _point(session: Session, purchase: Purchase, code: str) -> PricePoint:
    """The price point with this code, if the purchase may have it. Raises NotFound, or Conflict."""
    current = _current(purchase)
    product = current.option.product
    point = session.scalar(select(PricePoint).where(PricePoint.code == code.strip()))
    if point is None:
        raise NotFound(f"there is no price point {code!r}", fix=f"csctl product show {product.sku}")
    if point.option.product_id != product.id:
        raise Conflict(
            f"{code} is a price of another product",
            cause=f"of {point.option.product.sku}, and this is {product.sku}",
            fix=f"csctl product show {product.sku}",
        )
    if point.currency != purchase.order.currency:
        raise Conflict(
            f"{code} is in {point.currency}",
            cause=f"the order is in {purchase.order.currency}, and an order has one currency",
            fix=f"csctl product show {product.sku}",
        )
    if point.interval is None and purchase.interval is not None:
        raise Conflict(f"{code} is bought once", cause=f"{ids.show('pur', purchase.id)} is a subscription")
    return point


def _alike(purchase: Purchase, option: ProductOption) -> PricePoint:
    """The price point of an option that is most similar to the purchase's; raises Conflict if none is."""
    alike = [p for p in option.prices if p.currency == purchase.order.currency and p.interval == purchase.interval]
    if not alike:
        every = f" every {purchase.interval}" if purchase.interval else " once"
        raise Conflict(
            f"the option {option.code} has no price in {purchase.order.currency} that bills{every}",
            cause="without --price it would be billed as before",
            fix=f"--price with one of: {_codes(option.prices)}",
        )
    return min(
        alike, key=lambda one: (one.amount != purchase.unit_price, one.final_cycle != purchase.final_cycle, one.id)
    )


def _codes(points: list[PricePoint]) -> str:
    return ", ".join(point.code for point in points) or "none yet"
