"""Billing by hand: force bill, and the early end of a trial."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sqlalchemy import select

from csctl.domain import ids
from csctl.domain import purchases as rules
from csctl.domain.ids import Ref
from csctl.domain.money import to_minor
from csctl.domain.purchases import Operation
from csctl.domain.states import Occasion, State
from csctl.errors import Conflict, NotFound, Usage
from csctl.models import Purchase
from csctl.results import Result
from csctl.services.billing import cycle as billing
from csctl.services.outcomes.billing import Billing
from csctl.services.payments.jobs import Job, Needs, Turn, Work
from csctl.services.refunds.wishes import How

if TYPE_CHECKING:
    from csctl.app import App


@dataclass(frozen=True)
class Terms:
    """The terms of a force bill. `unit_price` is a decimal string in the currency of each purchase."""

    quantity: int | None = None
    unit_price: str | None = None
    cycle: int | None = None


def force(app: App, refs: Sequence[Ref], terms: Terms, how: How) -> Iterator[Result]:
    """Charge the next cycle of purchases now, and move their next billing by the interval.

    Quantity and unit price are set on the purchase once the charge is approved. Raises Usage for invalid terms.
    """
    refuse_unless_sound(app, refs, terms)

    def begin(ref: Ref) -> Job:
        return Job(ref.given, Needs(purchases={ref.id}), lambda turn: _force(turn, app, ref, terms))

    return how.drive(app, (begin(ref) for ref in refs))


def skip_trials(app: App, refs: Sequence[Ref], how: How) -> Iterator[Result]:
    """Skip the rest of a trial: the next cycle is billed now at full price. After a decline, nothing changes."""

    def begin(ref: Ref) -> Job:
        return Job(ref.given, Needs(purchases={ref.id}), lambda turn: _skip_trial(turn, app, ref))

    return how.drive(app, (begin(ref) for ref in refs))


def _force(turn: Turn, app: App, ref: Ref, terms: Terms) -> Work:
    purchase = _billable(turn, app, ref, Operation.FORCE_BILL)
    if any(sale.disputed_at for sale in turn.sales_of(purchase.order_id)):
        order = ids.show("ord", purchase.order_id)
        raise Conflict(
            f"a sale of {order} is disputed",
            cause="a customer who disputes a charge is not charged again",
            fix=f"csctl txn list --order {order}, and csctl txn dispute TXN --revert once it is won",
        )
    if disputed := billing.disputed_charge(purchase, turn.sales_of(purchase.order_id)):
        raise disputed
    refuse_other_cycle(turn, app, ref, purchase, terms.cycle)
    wanted = with_terms(purchase, billing.next_of(purchase, app.clock.today()), terms)
    result = yield from billing.bill(turn, app, purchase, wanted, Occasion.FORCED)
    yield as_billed(turn, ref, result)


def _skip_trial(turn: Turn, app: App, ref: Ref) -> Work:
    purchase = _billable(turn, app, ref, Operation.TRIAL_SKIP)
    if disputed := billing.disputed_charge(purchase, turn.sales_of(purchase.order_id)):
        raise disputed
    wanted = replace(billing.next_of(purchase, app.clock.today()), due_on=app.clock.today())
    result = yield from billing.bill(turn, app, purchase, wanted, Occasion.TRIAL_SKIP)
    yield as_billed(turn, ref, result)


def _billable(turn: Turn, app: App, ref: Ref, operation: Operation) -> Purchase:
    """The locked purchase. Raises NotFound, Conflict if it cannot be billed now, NotPermitted for a blacklisted
    customer.
    """
    purchase = billable(turn, ref, operation)
    if refusal := billing.blacklisted(turn, purchase.order, app.shop.country):
        raise refusal
    return purchase


def billable(turn: Turn, ref: Ref, operation: Operation = Operation.FORCE_BILL) -> Purchase:
    """The locked purchase. Raises NotFound, and Conflict if it cannot be billed now."""
    purchase = turn.session.get(Purchase, ref.id)
    if purchase is None:
        raise NotFound(f"there is no purchase {ref.given}", fix="csctl purchase list")
    rules.refuse_billed_elsewhere(ids.show("pur", purchase.id), purchase.billed_by)
    rules.after(ids.show("pur", purchase.id), purchase.status, operation)
    billing.refuse_unless_ordered(purchase.order)
    if open_sale := billing.under_way(turn, purchase):
        name = ids.show("txn", open_sale.id)
        raise Conflict(
            f"{ref.given} is being billed",
            cause=f"{name} is {open_sale.state.value}",
            fix=f"csctl txn reconcile {name}",
        )
    return purchase


def refuse_other_cycle(turn: Turn, app: App, ref: Ref, purchase: Purchase, cycle: int | None) -> None:
    """Raises Conflict unless the named cycle is the next one; without a name, a purchase is billed once a day."""
    following = purchase.cycle + 1
    if cycle is not None:
        if cycle != following:
            billed = cycle <= purchase.cycle
            raise Conflict(
                f"cycle {cycle} of {ref.given} {'is billed already' if billed else 'does not come next'}",
                cause=f"it is in cycle {purchase.cycle}",
                fix=f"csctl purchase force-bill {ref.given} --cycle {following}",
            )
        return
    if how := _billed_today(turn, app, purchase):
        raise Conflict(
            f"{ref.given} was billed today",
            cause=f"{how}: a second billing on one day may be an accident",
            fix=f"csctl purchase force-bill {ref.given} --cycle {following}, if it is meant",
        )


def _billed_today(turn: Turn, app: App, purchase: Purchase) -> str | None:
    """How the purchase was billed today, alone or with its order; None if it was not."""
    today = app.clock.today()
    for sale in turn.sales_of(purchase.order_id):
        of_this = sale.purchase_id in (None, purchase.id) and sale.state is State.APPROVED
        if of_this and app.clock.day_of(sale.created_at) == today:
            return f"with {ids.show('txn', sale.id)}"
    return "at no charge" if purchase.last_billed_on == today else None


def with_terms(purchase: Purchase, following: Billing, terms: Terms) -> Billing:
    """The next billing with the quantity and unit price that were asked for. Raises Usage for an invalid price."""
    if terms.unit_price is None:
        return following
    quantity = following.quantity if terms.quantity is None else terms.quantity
    unit_price = to_minor(terms.unit_price, purchase.currency)
    rules.priced(quantity, unit_price, purchase.currency)
    return replace(following, quantity=quantity, unit_price=unit_price, keep=True)


def refuse_unless_sound(app: App, refs: Sequence[Ref], terms: Terms) -> None:
    """Raises Usage for a quantity without a price, and for one price of purchases in several currencies."""
    if terms.quantity is not None and terms.unit_price is None:
        raise Usage("a quantity needs its unit price", fix=f"--quantity {terms.quantity} --unit-price 19.99")
    if terms.unit_price is None:
        return
    with app.read() as session:
        of_these = Purchase.id.in_([ref.id for ref in refs])
        currencies = set(session.scalars(select(Purchase.currency).where(of_these).distinct()))
    if len(currencies) > 1:
        raise Usage(
            "one price for several currencies",
            cause=f"the purchases are in {' and '.join(sorted(currencies))}",
            fix="bill each currency by itself",
        )
    to_minor(terms.unit_price, currencies.pop() if currencies else "USD")


def as_billed(turn: Turn, ref: Ref, result: Result) -> Result:
    """The result of a billing by the id that was given; its message says the cycle and the next day."""
    purchase = turn.session.get_one(Purchase, ref.id)
    words = f"cycle {purchase.cycle}" + (f", next billing on {purchase.next_bill_on}" if purchase.next_bill_on else "")
    return replace(result, id=ref.given, message=result.message or words)
