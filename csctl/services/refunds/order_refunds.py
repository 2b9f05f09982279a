"""Return the money of orders: a plan of voids and refunds, all of it reserved before the first call."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from csctl.domain import ids
from csctl.domain.ids import Ref
from csctl.domain.refund_plan import NothingLeft, Part, Unsettled, plan
from csctl.domain.states import Kind, State
from csctl.errors import NotFound, NotPermitted
from csctl.models import Order, Transaction
from csctl.results import Result
from csctl.services.payments import attempts, returns, settlement
from csctl.services.payments import resume as taking_up
from csctl.services.payments.jobs import LEASE, Call, Job, Needs, Turn, Work
from csctl.services.refunds import checks as refund_checks
from csctl.services.refunds import limits, shares, standing, ways, wishes
from csctl.services.refunds import scope as refund_scope
from csctl.services.refunds.parts import ask, customer_of, open_part, refund_instead
from csctl.services.refunds.wishes import How, Wish

if TYPE_CHECKING:
    from csctl.app import App


def refund_orders(app: App, refs: Sequence[Ref], wish: Wish, how: How) -> Iterator[Result]:
    """Return the money of orders: void unsettled sales, refund settled ones.

    One Result for each affected sale. Raises Usage like `refund_transactions`.
    """
    wish = replace(wish.with_reason_of(app.shop).checked(), survives=True)
    amount = wishes.amount_of(app, refs, wish, Order)
    request = wishes.request_of(app, refs, wish, amount, how)

    def begin(ref: Ref) -> Job:
        return Job(
            ref.given,
            Needs(orders={ref.id}),
            lambda turn: _refund_order(turn, app, ref, wish, amount, request),
            lambda turn, made, again: finish_order(turn, app, ref, wish, made, again=again),
        )

    return how.drive(app, (begin(ref) for ref in refs))


def return_of_order(turn: Turn, app: App, ref: Ref, order_id: int, wish: Wish) -> Work:
    """Return an order's money as part of other work, which has locked the order; its Results have the name of `ref`.

    A run that was interrupted resumes with `finish_order`.
    """
    return _refund_order(turn, app, Ref(ref.given, order_id), replace(wish.checked(), survives=True), None, None)


def _refund_order(turn: Turn, app: App, ref: Ref, wish: Wish, amount: int | None, request: int | None) -> Work:
    order = turn.session.get(Order, ref.id)
    if order is None:
        raise NotFound(f"there is no order {ref.given}", fix="csctl order list")
    if made := wishes.made_by(turn, request, Transaction.order_id == ref.id, app.clock.now()):
        yield from finish_order(turn, app, ref, wish, made, again=False)
        return
    if wish.which.cycle is None or wish.cancel:  # it depends on a charge that is under way
        refund_scope.refuse_unanswered(turn, ref.id, wish.which.purchase_id)
    parts, words = yield from _plan(turn, app, order, wish, amount)
    # by another process, during the call to the gateway
    if made := wishes.made_by(turn, request, Transaction.order_id == ref.id, app.clock.now()):
        yield from finish_order(turn, app, ref, wish, made, again=False)
        return
    sales = {sale.id: sale for sale in turn.sales_of(ref.id)}
    if refusal := _above_limit(turn, app, sales, parts, wishes.to_ask(f"order refund {ids.show('ord', ref.id)}", wish)):
        if not wish.request_approval:
            raise refusal
        for part in parts:  # all of them wait: the parts of one refund belong together
            yield replace(ask(turn, app, sales[part.sale_id], part, wish, request), id=ref.given)
        return
    order = turn.session.get_one(Order, ref.id)
    whose, cancels = customer_of(order), wishes.cancels(order, wish, sales[parts[0].sale_id])
    # All of the plan is reserved before the first call, so that nothing can come between its parts.
    opened = [
        open_part(turn, app, sales[part.sale_id], part, wish if n == 0 else wish.again(), request)
        for n, part in enumerate(parts)
    ]
    for place, attempt in enumerate(opened):
        mine = turn.session.get_one(Transaction, attempt.id) if place else attempt
        _keep_hold(turn, app, opened[place + 1 :])
        result = yield from attempts.exchange(turn, app, mine)
        if returns.settled_meanwhile(turn, attempt.id):
            result = yield from refund_instead(turn, app, attempt.id, wish, request)
        result = replace(result, id=ref.given, message=result.message or words, about=whose)
        yield result if place else wishes.said(result, cancels)


def _above_limit(
    turn: Turn, app: App, sales: Mapping[int, Transaction], parts: Sequence[Part], to_ask: str | None
) -> NotPermitted | None:
    """Check the agents' limit. It applies to refunds; whether a void becomes one is known later. Parts are added up."""
    taken = 0
    for part in parts:
        if part.kind is Kind.REFUND:
            taken += part.amount
            sale = sales[part.sale_id]
            others = taken - part.amount
            if refusal := limits.refusal(turn.session, app, sale, part.amount, with_others=others, to_ask=to_ask):
                return refusal
    return None


def _keep_hold(turn: Turn, app: App, waiting: Sequence[Transaction]) -> None:
    """Renew the leases of the waiting parts, as the part before them may take long."""
    for part in waiting:
        mine = turn.session.get_one(Transaction, part.id) if part.id else part
        if mine.state is State.CREATED:
            mine.lease_until = app.clock.now() + LEASE


def _plan(
    turn: Turn, app: App, order: Order, wish: Wish, amount: int | None
) -> Generator[Call, Any, tuple[list[Part], str]]:
    """The plan by the books; where these refuse because of settlement, by the answer of the gateway.

    With it, how its amount was computed, if it was.
    """
    number, asked = order.id, set[int]()
    while True:
        # Planned again after each question: some of it may have been refunded during the call to the gateway.
        order = turn.session.get_one(Order, number)
        share = shares.of(turn, app, order, wish, amount)
        sales = [sale for sale in turn.sales_of(number) if sale.is_sale]
        views = refund_scope.views(sales, partial(ways.of_remaining, app))
        try:
            return plan(views, share.which, share.amount, order.currency), share.words
        except NothingLeft as refusal:
            raise standing.explained(turn.session, turn.sales_of(number), refusal) from None
        except Unsettled as refusal:
            if not (unasked := set(refusal.sale_ids) - asked):
                raise
        for sale_id in unasked:
            yield from settlement.ask(turn, app, sale_id)
        asked |= unasked


def finish_order(turn: Turn, app: App, ref: Ref, wish: Wish, made: list[Transaction], *, again: bool) -> Work:
    """Complete an order that a run had begun. All parts of its plan were opened together, and show what remains."""
    for attempt in made:
        if returns.settled_meanwhile(turn, attempt.id):
            sale = turn.session.get_one(Transaction, attempt.parent_id)
            refund_checks.refuse_unless_refundable(app, sale, attempt.amount)
            result = yield from refund_instead(turn, app, attempt.id, wish, attempt.request_id)
        elif taking_up.may_be_repeated(attempt, again=again):
            result = yield from _repeat(turn, app, attempt.id, wish)
        else:
            result = taking_up.result_of(turn, attempt)
        yield replace(result, id=ref.given)


def _repeat(turn: Turn, app: App, number: int, wish: Wish) -> Generator[Call, Any, Result]:
    """Open the same part of an order again: its first attempt had no effect."""
    first = turn.session.get_one(Transaction, number)
    sale = turn.session.get_one(Transaction, first.parent_id)
    if first.kind is Kind.VOID:
        refund_checks.refuse_unless_voidable(app, sale)
    else:
        refund_checks.refuse_unless_refundable(app, sale, first.amount)
    part = Part(sale.id, first.kind, first.amount)
    wish = replace(wish.again(), survives=first.joins_queue)
    attempt = open_part(turn, app, sale, part, wish, first.request_id, carries=first.carries)
    result = yield from attempts.exchange(turn, app, attempt)
    if returns.settled_meanwhile(turn, attempt.id):
        result = yield from refund_instead(turn, app, attempt.id, wish, first.request_id)
    return result
