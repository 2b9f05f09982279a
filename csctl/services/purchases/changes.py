"""Change purchases, as the state transitions in `domain/purchases.py` allow. Each result has the values before and
after.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.orm import Session

from csctl.clock import parse_date
from csctl.domain import ids
from csctl.domain import purchases as rules
from csctl.domain.ids import Ref
from csctl.domain.money import to_decimal, to_minor
from csctl.domain.outcomes import Outcome
from csctl.domain.purchases import Operation
from csctl.domain.states import PurchaseStatus
from csctl.errors import Conflict, Usage
from csctl.models import Order, Purchase
from csctl.results import Result
from csctl.services.outcomes import billing, billing_dates, deferred
from csctl.services.outcomes import cancellation as cancelling
from csctl.services.purchases import differences
from csctl.services.shared import bulk

if TYPE_CHECKING:
    from csctl.app import App

# The only change of a purchase that another system bills: withdraw a cancellation that csctl has scheduled.
_LOCAL = (Operation.CALL_OFF, Operation.RESUME)
_LARGEST_QUANTITY = 1_000_000
Change = Callable[[Session, Purchase], None]


def restart_trials(app: App, refs: Iterable[Ref], *, dry_run: bool, fail_fast: bool = False) -> Iterator[Result]:
    """Restart trials at day 1: each is billed after the days of its price point."""

    def restart(_session: Session, purchase: Purchase) -> None:
        days = purchase.price_point.trial_days if purchase.price_point else None
        if days is None:
            name = ids.show("pur", purchase.id)
            raise Conflict(
                f"the length of the trial of {name} is not known",
                cause="its price point has no trial",
                fix=f"csctl purchase billing-date {name} DATE",
            )
        purchase.trial_ends_on = rules.trial_end(app.clock.today(), days)
        billing_dates.bill_on(purchase, purchase.trial_ends_on)

    return _each(app, refs, Operation.TRIAL_RESTART, restart, dry_run=dry_run, fail_fast=fail_fast)


def stop_trials(app: App, refs: Iterable[Ref], *, dry_run: bool, fail_fast: bool = False) -> Iterator[Result]:
    """End trials now: the purchase is cancelled, and nothing is billed."""

    def change(session: Session, ref: Ref) -> Result:
        purchase = locked(session, ref.id)
        rules.after(ids.show("pur", purchase.id), purchase.status, Operation.TRIAL_STOP)
        before = differences.snapshot(session, purchase)
        purchase.trial_ends_on = app.clock.today()
        cancelling.cancel_purchase(session, app, purchase, "trial stopped")
        return differences.result(ref.given, Outcome.CANCELLED, before, differences.snapshot(session, purchase))

    return bulk.each(app, refs, change, dry_run=dry_run, fail_fast=fail_fast)


def pause(app: App, refs: Iterable[Ref], until: str, *, dry_run: bool, fail_fast: bool = False) -> Iterator[Result]:
    """Pause purchases until a day, on which they resume by themselves. Raises Usage unless it is a later day."""
    day = parse_date(until)
    if day <= app.clock.today():
        raise Usage(f"{day} is not later than today", cause=f"today is {app.clock.today()}", fix="choose a later day")

    def hold(_session: Session, purchase: Purchase) -> None:
        require_recurring(purchase)
        purchase.paused_until = day

    return _each(app, refs, Operation.PAUSE, hold, dry_run=dry_run, fail_fast=fail_fast)


def resume(app: App, refs: Iterable[Ref], *, dry_run: bool, fail_fast: bool = False) -> Iterator[Result]:
    """Resume paused purchases, and withdraw scheduled cancellations."""

    def change(session: Session, ref: Ref) -> Result:
        return resume_one(session, app, locked(session, ref.id), ref.given)

    return bulk.each(app, refs, change, dry_run=dry_run, fail_fast=fail_fast)


def resume_one(session: Session, app: App, purchase: Purchase, given: str) -> Result:
    """Resume one locked purchase. If its billing day was during the pause, it is billed today."""

    def go_on(_session: Session, purchase: Purchase) -> None:
        cancelling.call_off(purchase)
        if purchase.paused_until is not None:
            billing_dates.end_pause(purchase, app.clock.today())

    recycled = (purchase.status, Operation.CALL_OFF) in rules.TABLE
    operation = Operation.CALL_OFF if recycled and purchase.ends_later else Operation.RESUME
    return carry_out(session, app, purchase, given, operation, go_on)


def change_billing_date(app: App, ref: Ref, day: str, *, dry_run: bool) -> Iterator[Result]:
    """Move the next billing to another day, and later ones with it. Raises Usage for a past day."""
    new = parse_date(day)
    rules.require_not_past(new, app.clock.today())

    def move(_session: Session, purchase: Purchase) -> None:
        require_recurring(purchase)
        billing.bill_next_on(purchase, new, app.clock.today())

    def change(session: Session, ref: Ref) -> Result:
        purchase = locked(session, ref.id)
        if charge := deferred.charge_of(session, app.clock.now(), purchase.order_id, purchase):
            _allowed(app, purchase, Operation.BILLING_DATE)
            require_recurring(purchase)
            said = deferred.bill_on(session, app, purchase, charge, new)
            return Result(ref.given, Outcome.PENDING, said, transaction_id=ids.show("txn", charge.id))
        return carry_out(session, app, purchase, ref.given, Operation.BILLING_DATE, move)

    return bulk.each(app, [ref], change, dry_run=dry_run)


def change_quantity(
    app: App, ref: Ref, quantity: int, unit_price: str, *, next_only: bool, dry_run: bool
) -> Iterator[Result]:
    """Change quantity and unit price (a decimal string); the new price is computed, and shown before it is stored."""
    if not 0 < quantity <= _LARGEST_QUANTITY:
        raise Usage(f"invalid quantity {quantity:,}", fix=f"give one from 1 to {_LARGEST_QUANTITY:,}")

    def set_terms(session: Session, purchase: Purchase) -> None:
        each = to_minor(unit_price, purchase.currency)
        price = rules.priced(quantity, each, purchase.currency)
        app.notice(f"{ids.show('pur', purchase.id)}: {quantity} x {to_decimal(each, price.currency)} = {price}")
        if next_only:
            require_recurring(purchase)
            deferred.refuse_next_only(session, purchase)
            purchase.next_quantity, purchase.next_unit_price = quantity, each
            return
        purchase.quantity, purchase.unit_price, purchase.price = quantity, each, price.amount
        purchase.next_quantity = purchase.next_unit_price = purchase.next_price_point_id = None

    return _each(app, [ref], Operation.QUANTITY, set_terms, dry_run=dry_run)


# -- shared by all changes


def locked(session: Session, number: int) -> Purchase:
    """The purchase, locked together with its order. Raises NotFound."""
    order_id = session.scalar(select(Purchase.order_id).where(Purchase.id == number))
    if order_id is not None:
        bulk.locked(session, Order, "ord", order_id)
    return bulk.locked(session, Purchase, "pur", number)


def carry_out(
    session: Session,
    app: App,
    purchase: Purchase,
    given: str,
    operation: Operation,
    change: Change,
) -> Result:
    """Change a locked purchase, with history and audit row, and return the values before and after.

    Raises Conflict if its state does not allow it, and the errors of `change`.
    """
    before, then = differences.snapshot(session, purchase), _allowed(app, purchase, operation)
    change(session, purchase)
    purchase.status = then
    session.flush()
    said = differences.result(given, Outcome.UPDATED, before, differences.snapshot(session, purchase))
    if said.outcome != Outcome.SKIPPED:
        differences.record(session, app, purchase, said)
    return said


def _allowed(app: App, purchase: Purchase, operation: Operation) -> PurchaseStatus:
    """Where the purchase stands after an operation. Raises Conflict where its state does not allow it."""
    name = ids.show("pur", purchase.id)
    if operation not in _LOCAL:
        rules.refuse_billed_elsewhere(name, purchase.billed_by)
    trial = rules.in_trial(purchase.trial_ends_on, purchase.cycle, app.clock.today())
    return rules.after(name, purchase.status, operation, in_trial=trial)


def _each(
    app: App,
    refs: Iterable[Ref],
    operation: Operation,
    change: Change,
    *,
    dry_run: bool,
    fail_fast: bool = False,
) -> Iterator[Result]:
    def one(session: Session, ref: Ref) -> Result:
        return carry_out(session, app, locked(session, ref.id), ref.given, operation, change)

    return bulk.each(app, refs, one, dry_run=dry_run, fail_fast=fail_fast)


def require_recurring(purchase: Purchase) -> None:
    """Raises Conflict for a single purchase, or one without a next billing."""
    if purchase.interval is None:
        raise Conflict(f"{ids.show('pur', purchase.id)} is bought once", cause="it has no interval, so no next billing")
