"""The cards of customers: list them, choose the default one, disable one."""

from __future__ import annotations

import calendar
from collections.abc import Iterator, Sequence
from datetime import date
from typing import TYPE_CHECKING

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from csctl.clock import parse_age
from csctl.domain import ids
from csctl.domain.ids import Ref
from csctl.domain.outcomes import Outcome
from csctl.domain.states import NOT_OVER
from csctl.errors import Conflict
from csctl.models import Customer, PaymentMethod, Purchase
from csctl.results import Limit, Page, Result, Row
from csctl.services.customers import lookup
from csctl.services.shared import audit, bulk, field_values, history, listing

if TYPE_CHECKING:
    from csctl.app import App


def listing_of(app: App, limit: Limit, *, who: str | None, expiring: str | None) -> Page:
    """Cards, newest first: of a customer, and those that expire within an age such as `30d`.

    Raises Usage for what is not an age, NotFound for the customer.
    """
    wanted = select(PaymentMethod).options(joinedload(PaymentMethod.customer))
    if who is not None:
        with app.read() as session:
            wanted = wanted.where(PaymentMethod.customer_id == lookup.find(session, who).id)
    if expiring is not None:
        today = app.clock.today()
        first, last = _month(today), _last_month(today, (today + parse_age(expiring)))
        month = PaymentMethod.exp_year * 12 + PaymentMethod.exp_month
        wanted = wanted.where(month >= first, month <= last, PaymentMethod.disabled_at.is_(None))
    return listing.newest_first(app, wanted, PaymentMethod.created_at, PaymentMethod.id, _rows, limit)


def _month(day: date) -> int:
    return day.year * 12 + day.month


def _last_month(today: date, until: date) -> int:
    """The last month whose cards expire by a day. A card is good to the end of its month."""
    ends = calendar.monthrange(until.year, until.month)[1]
    return _month(until) if until.day == ends else _month(until) - 1


def _rows(session: Session, methods: list[PaymentMethod]) -> list[Row]:
    used = _subscriptions(session, [method.id for method in methods])
    return [{**row(method), "purchases": used.get(method.id, 0)} for method in methods]


def row(method: PaymentMethod) -> Row:
    """A card as people know it. Its token stays in the database."""
    return {
        **field_values.listed(method),
        "customer_id": ids.show("cus", method.customer_id),
        "customer_name": method.customer.name or None,
        "customer_email": method.customer.email,
    }


def _subscriptions(session: Session, methods: Sequence[int]) -> dict[int, int]:
    """How many purchases that are not over name each card."""
    named = Purchase.payment_method_id
    counted = select(named, func.count()).where(named.in_(methods), Purchase.status.in_(NOT_OVER)).group_by(named)
    return {number: count for number, count in session.execute(counted) if number is not None}


def make_default(app: App, ref: Ref, *, dry_run: bool) -> Iterator[Result]:
    """Make this the card for all purchases that do not name another one."""

    def change(session: Session, ref: Ref) -> Result:
        method, customer = _locked(session, ref)
        name = ids.show("pm", method.id)
        if method.disabled_at:
            raise Conflict(f"{name} is disabled", fix="choose another card")
        before = [ids.show("pm", one.id) for one in customer.payment_methods if one.is_default]
        if before == [name]:
            return Result(ref.given, Outcome.SKIPPED, "no change: it is the default card")
        for one in customer.payment_methods:
            one.is_default = one is method
        history.event(session, app, customer.id, f"{name} is the default card")
        audit.write(session, app, Outcome.UPDATED, target=ids.show("cus", customer.id), default=name, before=before)
        return Result(ref.given, Outcome.UPDATED, f"the default card of {ids.show('cus', customer.id)}")

    return bulk.each(app, [ref], change, dry_run=dry_run)


def disable(app: App, refs: Sequence[Ref], *, dry_run: bool, fail_fast: bool = False) -> Iterator[Result]:
    """Stop charging these cards. Refunds to them continue."""

    def change(session: Session, ref: Ref) -> Result:
        method, customer = _locked(session, ref)
        name = ids.show("pm", method.id)
        if method.disabled_at:
            return Result(
                ref.given, Outcome.SKIPPED, f"no change: disabled since {app.clock.day_of(method.disabled_at)}"
            )
        method.disabled_at, method.is_default = app.clock.now(), False
        history.event(session, app, customer.id, f"{name} is disabled")
        audit.write(session, app, Outcome.UPDATED, target=name, disabled=True)
        return Result(ref.given, Outcome.UPDATED, _disabled_words(session, method))

    return bulk.each(app, refs, change, dry_run=dry_run, fail_fast=fail_fast)


def _disabled_words(session: Session, method: PaymentMethod) -> str:
    used = _subscriptions(session, [method.id]).get(method.id, 0)
    if not used:
        return "disabled"
    purchases = "1 purchase is" if used == 1 else f"{used:,} purchases are"
    return f"disabled; {purchases} not billed until csctl purchase payment-method PUR PM"


def _locked(session: Session, ref: Ref) -> tuple[PaymentMethod, Customer]:
    """The card and its customer, who is locked. Raises NotFound, or Conflict for one who was merged or erased."""
    method = session.get(PaymentMethod, ref.id)
    if method is None:
        raise listing.not_there("pm", ref.id)
    customer = lookup.live(session, method.customer_id)
    return bulk.locked(session, PaymentMethod, "pm", ref.id), customer
