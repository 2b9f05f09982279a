"""Bill the next cycle of a purchase, by hand or in the daily run (domain rules, section 5)."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from csctl.domain import billing as calendar
from csctl.domain import ids
from csctl.domain.money import Money
from csctl.domain.outcomes import Outcome
from csctl.domain.states import Occasion
from csctl.errors import Conflict, NotPermitted
from csctl.models import Order, Purchase, Transaction
from csctl.results import Result
from csctl.services.blacklist import matching as blacklist
from csctl.services.outcomes import billing as billing_rules
from csctl.services.outcomes.billing import Billing
from csctl.services.payments import attempts, cards, opening
from csctl.services.payments.jobs import Call, Turn
from csctl.services.shared import audit, history
from csctl.services.views import purchases

if TYPE_CHECKING:
    from csctl.app import App


def bill(
    turn: Turn, app: App, purchase: Purchase, billing: Billing, occasion: Occasion
) -> Generator[Call, Any, Result]:
    """Charge one cycle of a purchase. A price of zero needs no gateway: the cycle is complete at once.

    The Result's `id` is the sale's own. Raises Conflict without a card, Misconfigured without its gateway, both before
    anything is written.
    """
    if billing.amount == 0:
        return _bill_nothing(turn, app, purchase, billing)
    method = cards.of_purchase(turn.session, purchase, turn.sales_of(purchase.order_id))
    _ = app.gateways[method.gateway]
    sale = opening.open_sale(
        turn,
        app,
        purchase.order,
        method,
        billing.amount,
        occasion,
        purchase_id=purchase.id,
        cycle=billing.cycle,
        due_on=billing.due_on,
        quantity=billing.quantity if billing.keep else None,
        unit_price=billing.unit_price if billing.keep else None,
    )
    return (yield from attempts.exchange(turn, app, sale))


def _bill_nothing(turn: Turn, app: App, purchase: Purchase, billing: Billing) -> Result:
    billing_rules.succeed(turn.session, app, purchase, billing)
    money, name = Money(0, purchase.currency), ids.show("pur", purchase.id)
    text = f"cycle {billing.cycle} of {name} cost nothing"
    history.event(turn.session, app, purchase.order.customer_id, text, order_id=purchase.order_id)
    audit.write(turn.session, app, Outcome.BILLED, target=name, amount=str(money), cycle=billing.cycle)
    return Result(name, Outcome.BILLED, "nothing was due", money=money)


def next_of(purchase: Purchase, today: date, *, every_missed: bool = False) -> Billing:
    """The next cycle of a purchase with its terms. Missed days are skipped, unless `every_missed`."""
    quantity, unit_price = purchases.next_terms(purchase)
    due = purchase.due_on or purchase.next_bill_on or today
    if purchase.interval and not every_missed:
        due = calendar.newest_due(purchase.interval, due, today, purchase.billing_day)
    return Billing(purchase.cycle + 1, due, quantity, unit_price)


def sales_of_next(turn: Turn, purchase: Purchase) -> list[Transaction]:
    """The sales for the next cycle, oldest first."""
    sales = turn.sales_of(purchase.order_id)
    return [sale for sale in sales if sale.purchase_id == purchase.id and sale.cycle == purchase.cycle + 1]


def under_way(turn: Turn, purchase: Purchase) -> Transaction | None:
    """The charge of the next cycle whose outcome is not known yet."""
    return next((sale for sale in sales_of_next(turn, purchase) if not sale.state.refused), None)


def disputed_charge(purchase: Purchase, sales: Sequence[Transaction]) -> Conflict | None:
    """Why a purchase is not billed: its newest charge is disputed, or was lost to a chargeback.

    `sales` are those of its order.
    """
    paid = [sale for sale in sales if sale.is_sale]
    mine = [sale for sale in paid if sale.purchase_id in (None, purchase.id)]
    newest = max(mine, key=lambda sale: (sale.created_at, sale.id), default=None)
    if newest is None or not (newest.disputed_at or newest.billing_blocked_at):
        return None
    name = ids.show("txn", newest.id)
    if newest.disputed_at:
        return Conflict(
            f"{ids.show('pur', purchase.id)} is not billed",
            cause=f"its newest charge {name} is disputed",
            fix=f"csctl txn dispute {name} --revert, once it is won",
        )
    return Conflict(
        f"{ids.show('pur', purchase.id)} is not billed",
        cause=f"the dispute of its newest charge {name} was lost",
        fix=f"csctl txn dispute {name} --resume-billing, or --cancel",
    )


def refuse_unless_ordered(order: Order) -> None:
    """Raises Conflict for an order that was declined, or whose checkout has no outcome yet."""
    if not order.status.confirmed:
        name = ids.show("ord", order.id)
        raise Conflict(
            f"{name} is {order.status.value}", cause="its purchases are not billed", fix=f"csctl order show {name}"
        )


def blacklisted(turn: Turn, order: Order, country: str | None) -> NotPermitted | None:
    """Why an order's customer is not charged; None if there is no such reason.

    All locked customers of a transaction are checked at once: a run bills many in each.
    """
    session, customer, known = turn.session, order.customer, turn.held.blacklisted
    if customer.id not in known:
        customers = {one.id: one for one in (customer, *turn.held.customers)}
        found = blacklist.matches(session, list(customers.values()), country)
        known.update((number, found.get(number, [])) for number in customers)
    addresses = (order.billing, order.shipping)
    entries = known[customer.id] or blacklist.of_other_addresses(session, customer, addresses)
    return blacklist.refusal(customer, entries)
