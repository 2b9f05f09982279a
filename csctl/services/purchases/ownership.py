"""The system and the card that bill a purchase, and the reactivation of a cancelled one (domain rules, section 5)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from csctl.clock import parse_date
from csctl.domain import ids
from csctl.domain import purchases as rules
from csctl.domain.ids import Ref
from csctl.domain.outcomes import Outcome
from csctl.domain.purchases import Operation
from csctl.domain.states import SALES, OrderStatus
from csctl.domain.text import accept
from csctl.errors import Conflict, Usage
from csctl.models import Order, Purchase, Transaction
from csctl.results import Result
from csctl.services.blacklist import matching as blacklist
from csctl.services.outcomes import billing_dates
from csctl.services.payments import cards
from csctl.services.purchases import changes as purchase_changes
from csctl.services.refunds import shares
from csctl.services.shared import audit, bulk, history

if TYPE_CHECKING:
    from csctl.app import App

OURS = "csctl"  # the name of csctl as the owner of billing


def choose_card(app: App, ref: Ref, method_id: int, *, dry_run: bool) -> Iterator[Result]:
    """Bill a purchase on this card from now on. Raises Conflict for another customer's or a disabled card."""

    def change(session: Session, ref: Ref) -> Result:
        purchase = purchase_changes.locked(session, ref.id)
        name = ids.show("pur", purchase.id)
        rules.refuse_billed_elsewhere(name, purchase.billed_by)
        if purchase.status.over:
            raise Conflict(
                f"{name} is {purchase.status.value}",
                cause="it is not billed any more",
                fix=f"csctl purchase show {name}",
            )
        purchase_changes.require_recurring(purchase)
        method = cards.chosen(session, purchase.order.customer, method_id)
        before, card = ids.show_or_none("pm", purchase.payment_method_id), ids.show("pm", method.id)
        if before == card:
            return Result(ref.given, Outcome.SKIPPED, "no change: it is billed on this card")
        purchase.payment_method_id = method.id
        history.event(session, app, purchase.order.customer_id, f"{name} is billed on {card}", purchase.order_id)
        audit.write(session, app, Outcome.UPDATED, target=name, before=before, after=card)
        return Result(
            ref.given, Outcome.UPDATED, f"billed on {card}" + (f" ending in {method.last4}" if method.last4 else "")
        )

    return bulk.each(app, [ref], change, dry_run=dry_run)


def reactivate(
    app: App, refs: Sequence[Ref], day: str | None, *, dry_run: bool, fail_fast: bool = False
) -> Iterator[Result]:
    """Reactivate cancelled subscriptions at their old price; billed next on the given day, else today, or when the
    period ends that is paid for.

    Refused for a blacklisted customer (NotPermitted), for a single purchase, and for an order that was never paid.
    Raises Usage for a past day.
    """
    today, on = app.clock.today(), None if day is None else parse_date(day)
    rules.require_not_past(on or today, today)

    def change(session: Session, ref: Ref) -> Result:
        purchase = purchase_changes.locked(session, ref.id)
        _refuse_unless_reactivable(session, app, purchase)
        paid = _paid_until(session, app, purchase)

        def go_on(session: Session, purchase: Purchase) -> None:
            purchase.cancelled_at = purchase.cancel_reason = None
            purchase.recycle_attempts = 0
            if on is None and paid:
                purchase.next_bill_on, purchase.due_on = paid, None
            else:
                billing_dates.bill_on(purchase, on or today)
            _reopen(session, app, purchase.order)

        done = purchase_changes.carry_out(session, app, purchase, ref.given, Operation.REACTIVATE, go_on)
        until = f"; the period until {paid} is paid for" if paid else ""
        return replace(done, message=f"active again, billed next on {purchase.next_bill_on}{until}")

    return bulk.each(app, refs, change, dry_run=dry_run, fail_fast=fail_fast)


def _paid_until(session: Session, app: App, purchase: Purchase) -> date | None:
    """The end of the period that the latest billing paid for, if it is to come and its money was not returned."""
    covers = or_(Transaction.purchase_id == purchase.id, Transaction.purchase_id.is_(None))
    charges = select(Transaction).where(Transaction.order_id == purchase.order_id, Transaction.kind.in_(SALES), covers)
    paid = [sale for sale in session.scalars(charges.order_by(Transaction.created_at, Transaction.id)) if sale.is_sale]
    if paid and (paid[-1].voided_at or paid[-1].refunded == paid[-1].amount):
        return None
    end = shares.period(app.clock, purchase, paid[-1]).end if paid else purchase.billed_to  # a free period has no sale
    return end if end and end > app.clock.today() else None


def _refuse_unless_reactivable(session: Session, app: App, purchase: Purchase) -> None:
    name, order = ids.show("pur", purchase.id), purchase.order
    rules.refuse_billed_elsewhere(name, purchase.billed_by)
    rules.after(name, purchase.status, Operation.REACTIVATE)
    purchase_changes.require_recurring(purchase)
    if not order.status.confirmed:
        order_name = ids.show("ord", order.id)
        raise Conflict(
            f"{order_name} is {order.status.value}", cause="it was never paid", fix=f"csctl order rerun {order_name}"
        )
    found = blacklist.of_customer(session, order.customer, [order.billing, order.shipping], app.shop.country)
    if refusal := blacklist.refusal(order.customer, found):
        raise refusal


def _reopen(session: Session, app: App, order: Order) -> None:
    """Reopen a cancelled order with its purchase; otherwise nothing would be shipped for it."""
    if order.cancelled_at is None:
        return
    before = order.status
    order.cancelled_at = order.cancel_reason = None
    if order.status is OrderStatus.CANCELLED:
        order.status = OrderStatus.COMPLETE
    audit.write(
        session, app, Outcome.UPDATED, target=ids.show("ord", order.id), before=before.value, after=order.status.value
    )


def set_billing_owner(
    app: App, refs: Sequence[Ref], owner: str, *, dry_run: bool, fail_fast: bool = False
) -> Iterator[Result]:
    """Set the system that bills purchases: csctl, or another one by its name. Raises Usage for an empty name."""
    if not (owner := accept(owner, "owner", longest=100)):
        raise Usage("the owner needs a name", fix=f"{OURS}, or the name of the other system")
    billed_by = None if owner.lower() == OURS else owner

    def change(session: Session, ref: Ref) -> Result:
        purchase = purchase_changes.locked(session, ref.id)
        name, before = ids.show("pur", purchase.id), purchase.billed_by
        if before == billed_by:
            return Result(ref.given, Outcome.SKIPPED, f"no change: billed by {before or OURS}")
        if billed_by is None and purchase.interval is None and not purchase.status.over:
            raise Conflict(
                f"{name} has no price with an interval",
                cause=f"{before} knows how often it is billed, csctl does not",
                fix="import its price: csctl data import purchases FILE --update",
            )
        purchase.billed_by = billed_by
        said = f"billed by {billed_by or OURS}, before by {before or OURS}"
        history.event(session, app, purchase.order.customer_id, f"{name} is {said}", purchase.order_id)
        audit.write(session, app, Outcome.UPDATED, target=name, before=before or OURS, after=billed_by or OURS)
        return Result(ref.given, Outcome.UPDATED, said + _overdue(purchase, app.clock.today()))

    return bulk.each(app, refs, change, dry_run=dry_run, fail_fast=fail_fast)


def _overdue(purchase: Purchase, today: date) -> str:
    """A warning if the next billing run would charge what the other system may have charged."""
    due = purchase.billed_by is None and purchase.next_bill_on is not None and purchase.next_bill_on <= today
    return f"; it is due since {purchase.next_bill_on}: the next billing run charges it" if due else ""
