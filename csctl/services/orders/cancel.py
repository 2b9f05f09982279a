"""Cancel orders, optionally with refunds (domain rules, section 5)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from csctl.domain import ids
from csctl.domain.ids import Ref
from csctl.domain.outcomes import Outcome
from csctl.domain.states import OrderStatus
from csctl.errors import Conflict, NotFound
from csctl.models import Order, Transaction
from csctl.results import Result
from csctl.services.outcomes import cancellation as cancelling
from csctl.services.outcomes import deferred
from csctl.services.payments.jobs import Job, Needs, Turn, Work
from csctl.services.refunds import order_refunds, standing
from csctl.services.refunds import scope as refund_scope
from csctl.services.refunds.wishes import How, Wish
from csctl.services.shared import bulk

if TYPE_CHECKING:
    from csctl.app import App


def cancel(app: App, refs: Sequence[Ref], reason: str | None, *, dry_run: bool, fail_fast: bool) -> Iterator[Result]:
    """Cancel orders: their purchases, and their shipments that were not sent. Nothing is refunded."""
    wish = Wish(reason=reason).checked()

    def change(session: Session, ref: Ref) -> Result:
        order = bulk.locked(session, Order, "ord", ref.id)
        return _cancel(session, app, ref, order, wish)

    return bulk.each(app, refs, change, dry_run=dry_run, fail_fast=fail_fast)


def cancel_and_refund(app: App, refs: Sequence[Ref], wish: Wish, how: How) -> Iterator[Result]:
    """Refund orders, and cancel each with the first refund that is approved, accepted or queued.

    So an order whose gateway cannot be reached is not cancelled either, and a process that dies in the time between
    leaves a refund that cancels its order once its outcome is known. An order with nothing to refund is cancelled at
    once.
    """
    wish = wish.checked()

    def begin(ref: Ref) -> Job:
        return Job(
            ref.given,
            Needs(orders={ref.id}),
            lambda turn: _cancel_and_refund(turn, app, ref, wish),
            lambda turn, made, again: _finish(turn, app, ref, wish, made, again=again),
        )

    return how.drive(app, (begin(ref) for ref in refs))


def _cancel_and_refund(turn: Turn, app: App, ref: Ref, wish: Wish) -> Work:
    order = turn.session.get(Order, ref.id)
    if order is None:
        raise NotFound(f"there is no order {ref.given}", fix="csctl order list")
    _refuse_what_is_over(ref, order)
    refund_scope.refuse_unanswered(turn, order.id)
    sales = turn.sales_of(order.id)
    if not any(sale.refundable for sale in sales):
        _refuse_disputed(ref, sales)
        held = [
            f"{name} holds {money} on the card: csctl txn void {name}" for name, money in standing.holds(sales).items()
        ]
        message = "; ".join(["nothing remains to return", *held])
        yield replace(_cancel(turn.session, app, ref, order, wish), message=message)
        return
    yield from order_refunds.return_of_order(turn, app, ref, order.id, wish)
    yield from _cancelled(turn, ref, wish)


def _finish(turn: Turn, app: App, ref: Ref, wish: Wish, made: list[Transaction], *, again: bool) -> Work:
    """Complete an order that a run had begun: its refunds carry the cancellation."""
    yield from order_refunds.finish_order(turn, app, ref, wish, made, again=again)
    yield from _cancelled(turn, ref, wish)


def _cancelled(turn: Turn, ref: Ref, wish: Wish) -> Work:
    order = turn.session.get_one(Order, ref.id)
    if order.cancelled_at is not None:
        yield Result(ref.given, Outcome.CANCELLED, wish.reason or "")


def _refuse_disputed(ref: Ref, sales: Sequence[Transaction]) -> None:
    """Raises Conflict if nothing can be returned because of a dispute."""
    for sale in sales:
        if sale.is_sale and sale.disputed_at:
            raise Conflict(
                f"{ids.show('txn', sale.id)} is disputed",
                cause="the bank returns the money, or reverts the chargeback",
                fix=f"csctl order cancel {ref.given}, without --refund",
            )


def _cancel(session: Session, app: App, ref: Ref, order: Order, wish: Wish) -> Result:
    _refuse_what_is_over(ref, order)
    if charge := deferred.charge_of(session, app.clock.now(), order.id):
        said = deferred.cancel_order(session, app, order, charge, wish.reason)
        return Result(ref.given, Outcome.PENDING, said, transaction_id=ids.show("txn", charge.id))
    cancelling.cancel_order(session, app, order, wish.reason)
    return Result(ref.given, Outcome.CANCELLED, wish.reason or "")


def _refuse_what_is_over(ref: Ref, order: Order) -> None:
    if order.status is OrderStatus.DECLINED:
        raise Conflict(f"{ref.given} is declined", cause="it was never placed, so there is nothing to cancel")
    if order.cancelled_at is not None:
        raise Conflict(
            f"{ref.given} is cancelled already",
            cause=f"since {order.cancelled_at:%Y-%m-%d}" + (f": {order.cancel_reason}" if order.cancel_reason else ""),
            fix=f"csctl order refund {ids.show('ord', order.id)}, if its money is to be returned",
        )
