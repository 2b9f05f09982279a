"""Charge a declined order again (domain rules, section 5)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from csctl.domain import ids, intervals
from csctl.domain import purchases as rules
from csctl.domain.ids import Ref
from csctl.domain.outcomes import Outcome
from csctl.domain.states import OrderStatus, PurchaseStatus, State
from csctl.errors import Conflict, NotFound
from csctl.models import Order, PaymentMethod, Purchase
from csctl.results import Result
from csctl.services.blacklist import matching as blacklist
from csctl.services.orders import checkout
from csctl.services.outcomes import checkout as checkout_rules
from csctl.services.payments import attempts, cards
from csctl.services.payments.engine import drive
from csctl.services.payments.jobs import Job, Needs, Turn, Work
from csctl.services.shared import audit, history

if TYPE_CHECKING:
    from csctl.app import App


@dataclass(frozen=True)
class Wish:
    """The card to charge (None: as at the checkout), and whether the customer gets the welcome email."""

    payment_method_id: int | None = None
    email: bool = True
    concurrency: int = 1
    fail_fast: bool = False


def rerun(app: App, refs: Sequence[Ref], wish: Wish, *, dry_run: bool) -> Iterator[Result]:
    """Charge declined orders again, each with a new attempt. An approved one is complete, as after its checkout."""

    def begin(ref: Ref) -> Job:
        return Job(ref.given, Needs(orders={ref.id}), lambda turn: _rerun(turn, app, ref, wish))

    return drive(app, (begin(ref) for ref in refs), window=wish.concurrency, dry_run=dry_run, fail_fast=wish.fail_fast)


def _rerun(turn: Turn, app: App, ref: Ref, wish: Wish) -> Work:
    order = turn.session.get(Order, ref.id)
    if order is None:
        raise NotFound(f"there is no order {ref.given}", fix="csctl order list --status declined")
    _refuse_unless_declined(turn, order)
    _refuse_blacklisted(turn, app, order)
    method = _card(turn, order, wish.payment_method_id)
    _ = app.gateways[method.gateway]
    _begin_again(turn, app, order, method, chosen=wish.payment_method_id is not None)
    sale = checkout.open_sale(turn, app, order, method, email=wish.email)
    result = yield from attempts.exchange(turn, app, sale)
    yield replace(result, id=ref.given, extra={"order_id": ids.show("ord", ref.id)})


def _refuse_unless_declined(turn: Turn, order: Order) -> None:
    name = ids.show("ord", order.id)
    unknown = [sale for sale in turn.sales_of(order.id) if sale.state.undecided or sale.state is State.SENT]
    if unknown:
        charge = ids.show("txn", unknown[-1].id)
        raise Conflict(
            f"{name} is being charged",
            cause=f"{charge} is {unknown[-1].state.value}",
            fix=f"csctl txn reconcile {charge}",
        )
    if order.status is not OrderStatus.DECLINED:
        raise Conflict(
            f"{name} is {order.status.value}",
            cause="only a declined order is charged again",
            fix=f"csctl order show {name}",
        )
    for purchase in order.purchases:
        if purchase.billed_by:
            rules.refuse_billed_elsewhere(ids.show("pur", purchase.id), purchase.billed_by)
        if purchase.cancelled_at and purchase.cancel_reason != checkout_rules.NOT_CHARGED:
            raise Conflict(
                f"{ids.show('pur', purchase.id)} of {name} was cancelled",
                cause="the order would be charged for less than its total",
                fix=f"csctl order create --customer {ids.show('cus', order.customer_id)} --item PRICE",
            )


def _refuse_blacklisted(turn: Turn, app: App, order: Order) -> None:
    found = blacklist.of_customer(turn.session, order.customer, [order.billing, order.shipping], app.shop.country)
    if refusal := blacklist.refusal(order.customer, found):
        raise refusal


def _card(turn: Turn, order: Order, chosen: int | None) -> PaymentMethod:
    """The named card; else that of the order's purchases; else the customer's default."""
    if chosen is None and order.purchases and (named := order.purchases[0].payment_method_id):
        chosen = named
    return cards.chosen(turn.session, order.customer, chosen)


def _begin_again(turn: Turn, app: App, order: Order, method: PaymentMethod, *, chosen: bool) -> None:
    """Set the order to pending again. Its purchases begin today: a trial has all of its days."""
    today = app.clock.today()
    order.status = OrderStatus.PENDING
    for purchase in order.purchases:
        if chosen:
            purchase.payment_method_id = method.id
        _begin_purchase(app, purchase)
    name = ids.show("ord", order.id)
    history.event(turn.session, app, order.customer_id, f"charging {name} again on {today}", order.id)
    audit.write(
        turn.session,
        app,
        Outcome.UPDATED,
        target=name,
        before=OrderStatus.DECLINED.value,
        after=OrderStatus.PENDING.value,
        payment_method=ids.show("pm", method.id),
    )


def _begin_purchase(app: App, purchase: Purchase) -> None:
    today = app.clock.today()
    purchase.cancelled_at = purchase.cancel_reason = None
    purchase.status = PurchaseStatus.ACTIVE  # until `begin` sets the state
    if purchase.trial_ends_on:
        length = purchase.trial_ends_on - app.clock.day_of(purchase.created_at)
        purchase.trial_ends_on = today + length
    if purchase.interval and intervals.parse(purchase.interval).monthly:
        purchase.billing_day = (purchase.trial_ends_on or today).day
    checkout_rules.begin(purchase, today)
