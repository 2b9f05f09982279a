"""The part of an order's sales that belongs to one purchase: its share, some of its quantity, or its unused days."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING

from csctl.clock import Clock
from csctl.domain import ids, intervals
from csctl.domain.ids import Ref
from csctl.domain.money import Money
from csctl.domain.proration import Period, Prorated
from csctl.domain.refund_plan import Which
from csctl.errors import Conflict, NotFound, Usage
from csctl.models import Order, Purchase, Transaction
from csctl.services.payments.jobs import Turn
from csctl.services.refunds import scope
from csctl.services.refunds.wishes import Wish
from csctl.services.shared import listing

if TYPE_CHECKING:
    from csctl.app import App


@dataclass(frozen=True)
class Share:
    """The input of a plan: which sales, how much (minor units; None is the remaining amount), and how
    it was computed.
    """

    which: Which
    amount: int | None
    words: str = ""


def order_of(app: App, purchase_id: int | None) -> Ref:
    """The order of a purchase. Raises Usage without a purchase, NotFound if it does not exist."""
    if purchase_id is None:
        raise Usage("Missing argument 'ORD…'.", fix="csctl order refund ORD, or --purchase PUR")
    with app.read() as session:
        order_id = listing.existing(session, Purchase, "pur", purchase_id).order_id
    return Ref(ids.show("ord", order_id), order_id)


def of(turn: Turn, app: App, order: Order, wish: Wish, amount: int | None) -> Share:
    """The share of an order's refund; without a purchase, all of it.

    Raises NotFound for a purchase of another order, and Conflict if the share cannot be computed: then the caller has
    to name an amount. The result is valid while `turn` holds the locks.
    """
    which = wish.which
    if which.last:
        scope.refuse_unanswered(turn, order.id, which.purchase_id)
    if which.purchase_id is None:
        return Share(which, amount)
    purchase = turn.session.get(Purchase, which.purchase_id)
    if purchase is None or purchase.order_id != order.id:
        name = ids.show("pur", which.purchase_id)
        raise NotFound(f"the order has no purchase {name}", fix=f"csctl order show {ids.show('ord', order.id)}")
    sales = _chosen(turn, purchase, which)
    if wish.prorate:
        return _prorated(turn, app, purchase, which, sales)
    shared = [sale for sale in sales if sale.purchase_id is None and sale.refundable]
    if amount is not None and any(sale.amount != _sum_of_lines(order) for sale in shared):
        return Share(which, amount)  # the caller knows what the rows do not say
    for sale in shared:
        _refuse_unless_sum(order, purchase, sale)
    limit = max(purchase.checkout_amount - scope.returned_of(turn, purchase), 0)
    bounded = replace(which, limit=limit)
    if wish.quantity is None:
        return Share(bounded, amount)
    return _of_quantity(purchase, sales, bounded, wish.quantity)


def _chosen(turn: Turn, purchase: Purchase, which: Which) -> list[Transaction]:
    """The approved sales of a purchase, newest first, that were chosen."""
    paid = [sale for sale in turn.sales_of(purchase.order_id) if sale.is_sale]
    cycles = {view.id: view.cycle for view in scope.views(paid)}
    mine = [sale for sale in paid if sale.purchase_id in (None, purchase.id)]
    if which.cycle is not None:
        mine = [sale for sale in mine if cycles[sale.id] == which.cycle]
    newest_first = sorted(mine, key=lambda sale: (sale.created_at, sale.id), reverse=True)
    return newest_first[:1] if which.last else newest_first


def _sum_of_lines(order: Order) -> int:
    return sum(purchase.checkout_amount for purchase in order.purchases)


def _refuse_unless_sum(order: Order, purchase: Purchase, sale: Transaction) -> None:
    """Raises Conflict if a sale for several purchases is not the sum of their prices: tax, shipping, a coupon."""
    lines = _sum_of_lines(order)
    if sale.amount != lines:
        name, pur = ids.show("ord", order.id), ids.show("pur", purchase.id)
        raise Conflict(
            f"the share of {pur} in {ids.show('txn', sale.id)} is not known",
            cause=f"the sale is {Money(sale.amount, sale.currency)}, and its purchases come to"
            f" {Money(lines, sale.currency)}: tax, shipping or a coupon",
            fix=f"csctl order refund {name} --purchase {pur} --amount AMOUNT",
        )


# -- some of the quantity


def _of_quantity(purchase: Purchase, sales: Sequence[Transaction], which: Which, quantity: int) -> Share:
    name = ids.show("pur", purchase.id)
    if quantity > purchase.quantity:
        raise Conflict(
            f"{name} has a quantity of {purchase.quantity}",
            cause=f"{quantity} cannot be returned of it",
            fix=f"--quantity {purchase.quantity}, or leave it out",
        )
    sale = next((one for one in sales if one.refundable), None)
    if sale is None:
        return Share(which, None)  # the plan has the error
    paid = purchase.checkout_amount if sale.purchase_id is None else sale.amount
    expected = (purchase.price, purchase.checkout_amount)
    if paid not in expected or paid % purchase.quantity:
        raise Conflict(
            f"the price of one of {name} in {ids.show('txn', sale.id)} is not known",
            cause=f"the billing was {Money(paid, sale.currency)}, and {purchase.quantity} x"
            f" {Money(purchase.unit_price, sale.currency)} is {Money(purchase.price, sale.currency)}",
            fix=f"csctl order refund {ids.show('ord', purchase.order_id)} --purchase {name} --amount AMOUNT",
        )
    each = paid // purchase.quantity
    words = f"{quantity} x {Money(each, sale.currency)}"
    return Share(which, quantity * each, words)


# -- the unused part of the last billing period


def _prorated(turn: Turn, app: App, purchase: Purchase, which: Which, sales: Sequence[Transaction]) -> Share:
    name, sale = ids.show("pur", purchase.id), sales[0] if sales else None
    if purchase.interval is None:
        raise Conflict(f"{name} is bought once", cause="it has no period", fix=f"--purchase {name}")
    if sale is None:
        raise Conflict(f"{name} was never billed", fix=f"csctl purchase show {name}")
    _refuse_unless_prorated(sale)
    if sale.purchase_id is None:
        _refuse_unless_sum(purchase.order, purchase, sale)
        paid, returned = purchase.checkout_amount, scope.returned_of(turn, purchase)
    else:
        paid, returned = sale.amount, sale.refunded + sale.reserved
    paid_for, today = period(app.clock, purchase, sale), app.clock.today()
    prorated = Prorated(paid_for, paid_for.unused(today), Money(paid, sale.currency), returned)
    if prorated.amount == 0:
        raise Conflict(f"nothing of {name} remains to prorate", cause=str(prorated), fix=f"csctl purchase show {name}")
    return Share(replace(which, limit=max(paid - returned, 0)), prorated.amount, str(prorated))


def _refuse_unless_prorated(sale: Transaction) -> None:
    name = ids.show("txn", sale.id)
    if sale.disputed_at:
        raise Conflict(
            f"the latest billing {name} is disputed",
            cause="a chargeback returns the money already",
            fix=f"csctl txn dispute {name} --revert, once it is won",
        )
    if sale.voided_at:
        raise Conflict(f"the latest billing {name} is voided", cause="there is nothing to return")


def period(clock: Clock, purchase: Purchase, sale: Transaction) -> Period:
    """The days that the latest billing paid for; for imported purchases, those from its day on."""
    if purchase.billed_from and purchase.billed_to:
        return Period(purchase.billed_from, purchase.billed_to)
    begin: date = sale.due_on or clock.day_of(sale.created_at)
    interval = intervals.parse(purchase.interval or "")
    return Period(begin, interval.after(begin, purchase.billing_day))
