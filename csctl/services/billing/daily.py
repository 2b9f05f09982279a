"""The billing run: the daily cron command that bills due purchases (domain rules, section 5).

Any number of hosts may run it at once, and it may be killed anywhere: what is due is decided under a lock, and each
cycle of a purchase is billed at most once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, and_, func, or_, select

from csctl.domain import ids
from csctl.domain.ids import Ref
from csctl.domain.outcomes import Outcome
from csctl.domain.reasons import NOT_SENT
from csctl.domain.states import BILLED, CONFIRMED, NOT_OVER, Occasion, PurchaseStatus, State
from csctl.errors import Conflict
from csctl.models import Order, Purchase, Transaction
from csctl.results import Result
from csctl.services.billing import cycle as billing
from csctl.services.outcomes import cancellation as cancelling
from csctl.services.payments import reconcile
from csctl.services.payments.engine import drive
from csctl.services.payments.jobs import Job, Needs, Turn, Work
from csctl.services.purchases import changes as purchase_changes
from csctl.services.shared import listing

if TYPE_CHECKING:
    from csctl.app import App


_LATELY = timedelta(days=7)


def run(
    app: App,
    orphans: reconcile.Orphans,
    *,
    every_missed: bool = False,
    concurrency: int = 1,
    dry_run: bool = False,
) -> Iterator[Result]:
    """Reconcile orphaned attempts, then process every purchase whose day has come.

    Its day is that of its next billing, of the end of its pause, or of its cancellation. With `every_missed`, all
    missed cycles are charged, one after the other. The caller delivers waiting emails, last.
    """
    _ = app.gateways
    if not dry_run:
        for _ in reconcile.orphans(app, orphans, concurrency=concurrency):
            pass
    jobs = (_job(app, number, every_missed=every_missed) for number in _due(app))
    yield from drive(app, jobs, window=concurrency, dry_run=dry_run)


def _due(app: App) -> Iterator[int]:
    """The purchases that are due. Where an outage ended the last run early, this one begins with what that did not
    reach: those whose gateway did not answer lately come last, the one tried longest ago first.
    """
    in_vain, later = _tried_in_vain(app), set[int]()
    statement = select(Purchase.id).join(Order).where(_has_come(app), Order.status.in_(CONFIRMED))
    for number in listing.numbers(app, statement, Purchase.id):
        if number in in_vain:
            later.add(number)
        else:
            yield number
    yield from (number for number in in_vain if number in later)


def _tried_in_vain(app: App) -> dict[int, int]:
    """The purchases whose charge could not be sent lately, with the last such charge; the longest ago first."""
    last = func.max(Transaction.id)
    unsent = select(Transaction.purchase_id, last).where(
        Transaction.state == State.FAILED,
        Transaction.created_at >= app.clock.now() - _LATELY,
        Transaction.reason.in_(NOT_SENT),
        Transaction.purchase_id.is_not(None),
    )
    with app.read() as session:
        found = session.execute(unsent.group_by(Transaction.purchase_id).order_by(last))
        return {int(row[0] or 0): int(row[1]) for row in found}


def _has_come(app: App) -> ColumnElement[bool]:
    today = app.clock.today()
    return or_(
        and_(Purchase.status.in_(BILLED), Purchase.next_bill_on <= today, Purchase.billed_by.is_(None)),
        and_(Purchase.status == PurchaseStatus.PAUSED, Purchase.paused_until <= today),
        and_(Purchase.status.in_(NOT_OVER), Purchase.cancel_on <= today),
    )


def _job(app: App, number: int, *, every_missed: bool) -> Job:
    ref = Ref(ids.show("pur", number), number)
    return Job(ref.given, Needs(purchases={number}), lambda turn: _attend(turn, app, ref, every_missed=every_missed))


def _attend(turn: Turn, app: App, ref: Ref, *, every_missed: bool) -> Work:
    """Process one purchase in its current state: another process may have been first."""
    purchase, today = turn.session.get_one(Purchase, ref.id), app.clock.today()
    if purchase.status.over or not purchase.order.status.confirmed:
        return
    if purchase.cancel_on is not None and purchase.cancel_on <= today:
        cancelling.cancel_purchase(turn.session, app, purchase, purchase.cancel_reason)
        yield Result(ref.given, Outcome.CANCELLED, f"it was scheduled for {today}")
        return
    if purchase.status is PurchaseStatus.PAUSED and purchase.paused_until and purchase.paused_until <= today:
        yield purchase_changes.resume_one(turn.session, app, purchase, ref.given)
    if _is_due(app, purchase):
        yield from _bill(turn, app, ref, every_missed=every_missed)


def _is_due(app: App, purchase: Purchase) -> bool:
    day = purchase.next_bill_on
    return purchase.billed_by is None and purchase.status.billed and day is not None and day <= app.clock.today()


def _bill(turn: Turn, app: App, ref: Ref, *, every_missed: bool) -> Work:
    purchase = turn.session.get_one(Purchase, ref.id)
    order = purchase.order
    if refusal := billing.blacklisted(turn, order, app.shop.country):
        yield Result(ref.given, Outcome.SKIPPED, f"{refusal.message}: {refusal.cause}")
        return
    if _is_due(app, purchase) and (disputed := billing.disputed_charge(purchase, turn.sales_of(order.id))):
        yield Result(ref.given, Outcome.SKIPPED, f"{disputed.message}: {disputed.cause}")
        return
    while _is_due(app, purchase) and not billing.under_way(turn, purchase):
        terms = billing.next_of(purchase, app.clock.today(), every_missed=every_missed)
        try:
            result = yield from billing.bill(turn, app, purchase, terms, Occasion.RUN)
        except Conflict as no_card:  # reported, but not a failure of the whole run
            yield Result(ref.given, Outcome.SKIPPED, f"{no_card.message}: {no_card.cause}")
            return
        purchase = turn.session.get_one(Purchase, ref.id)
        yield replace(result, id=ref.given, message=result.message or _words(purchase))
        if not (every_missed and result.ok):
            return


def _words(purchase: Purchase) -> str:
    then = f"next billing on {purchase.next_bill_on}" if purchase.next_bill_on else purchase.status.value
    return f"cycle {purchase.cycle}, {then}"
