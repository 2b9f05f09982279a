"""Return money: void unsettled sales, refund settled ones (domain rules, section 2)."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from csctl.domain import ids
from csctl.domain.cancellations import Carried
from csctl.domain.ids import Ref
from csctl.domain.refund_plan import NothingLeft, Part, Unsettled, plan
from csctl.domain.states import HistoryKind, Kind, Settlement, State
from csctl.errors import Conflict, NotFound, NotPermitted, Usage
from csctl.models import HistoryEntry, Order, Transaction
from csctl.models.cancellations import columns_of
from csctl.results import Result
from csctl.services.payments import attempts, opening, returns, settlement
from csctl.services.payments import resume as taking_up
from csctl.services.payments.engine import drive
from csctl.services.payments.jobs import LEASE, Call, Job, Needs, Turn, Work
from csctl.services.refunds import approvals, limits, shares, standing, ways, wishes
from csctl.services.refunds import checks as refund_checks
from csctl.services.refunds import scope as refund_scope
from csctl.services.refunds.wishes import How as How
from csctl.services.refunds.wishes import Wish as Wish

if TYPE_CHECKING:
    from csctl.app import App


def refund_transactions(app: App, refs: Sequence[Ref], wish: Wish, how: How) -> Iterator[Result]:
    """Refund settled sales, each whole or in part.

    Raises Usage, before anything is sent, for an invalid amount, or one for several currencies.
    """
    wish = wish.with_reason_of(app.shop).checked()
    amount = wishes.amount_of(app, refs, wish, Transaction)
    request = wishes.request_of(app, refs, wish, amount, how)

    def begin(ref: Ref) -> Job:
        return Job(
            ref.given, Needs(transactions={ref.id}), lambda turn: _refund_one(turn, app, ref, wish, amount, request)
        )

    return _drive(app, refs, begin, how)


def void_transactions(app: App, refs: Sequence[Ref], wish: Wish, how: How) -> Iterator[Result]:
    """Void unsettled sales and authorizations, each as a whole."""
    if wish.amount is not None:
        raise Usage(
            "there is no partial void", cause="a void reverts the whole pending charge", fix="leave --amount out"
        )
    wish = wish.with_reason_of(app.shop).checked()

    def begin(ref: Ref) -> Job:
        return Job(ref.given, Needs(transactions={ref.id}), lambda turn: _void_one(turn, app, ref, wish))

    return _drive(app, refs, begin, how)


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

    return _drive(app, refs, begin, how)


def _drive(app: App, refs: Iterable[Ref], begin: Any, how: How) -> Iterator[Result]:
    jobs = (begin(ref) for ref in refs)
    return drive(app, jobs, window=how.concurrency, dry_run=how.dry_run, fail_fast=how.fail_fast)


# -- one record, in the transactions of the engine


def _refund_one(turn: Turn, app: App, ref: Ref, wish: Wish, amount: int | None, request: int | None) -> Work:
    sale = refund_checks.sale_of(turn, ref)
    if first := wishes.first_results(turn, app, request, Transaction.parent_id == ref.id):
        yield replace(first[-1], id=ref.given)
        return
    allow = partial(refund_checks.refuse_unless_refundable, app, amount=amount, limited=not wish.request_approval)
    allow(sale, to_ask=wishes.to_ask(f"txn refund {ids.show('txn', sale.id)}", wish))
    if sale.settlement is not Settlement.SETTLED:
        yield from settlement.ask(turn, app, sale.id)
        # All may have changed in the time between: another process may have made the same request.
        sale = refund_checks.sale_of(turn, ref)
        if first := wishes.first_results(turn, app, request, Transaction.parent_id == ref.id):
            yield replace(first[-1], id=ref.given)
            return
        allow(sale)
    part = Part(sale.id, Kind.REFUND, amount or sale.refundable)
    whole = part.amount == sale.amount
    if sale.settlement is not Settlement.SETTLED and not ways.of(app, sale).refunds(whole=whole):
        raise Conflict(
            f"{ref.given} has not settled",
            cause="no money has moved yet, so none can be returned",
            fix=f"csctl txn void {ids.show('txn', sale.id)}",
        )
    if wish.request_approval and limits.refusal(turn.session, app, sale, part.amount):
        yield replace(_ask(turn, app, sale, part, wish, request), id=ref.given)
        return
    cancels, whose = wishes.cancels(sale.order, wish, sale), _whose(sale.order)
    attempt = open_part(turn, app, sale, part, wish, request)
    result = yield from attempts.exchange(turn, app, attempt)
    yield replace(wishes.said(result, cancels), id=ref.given, about=whose)


def _void_one(turn: Turn, app: App, ref: Ref, wish: Wish) -> Work:
    sale = refund_checks.sale_of(turn, ref, refund_checks.REVERSIBLE)
    refund_checks.refuse_unless_voidable(app, sale)
    if sale.settlement is Settlement.SETTLED:
        yield from settlement.ask(turn, app, sale.id)
        sale = refund_checks.sale_of(turn, ref, refund_checks.REVERSIBLE)
        refund_checks.refuse_unless_voidable(app, sale)
    if sale.settlement is Settlement.SETTLED:
        raise refund_checks.settled_already(app.clock, sale)
    if not ways.of(app, sale).void:
        raise ways.refuse_void(sale)
    attempt, whose = open_part(turn, app, sale, Part(sale.id, Kind.VOID, sale.amount), wish, None), _whose(sale.order)
    result = yield from attempts.exchange(turn, app, attempt)
    if returns.settled_meanwhile(turn, attempt.id):
        raise refund_checks.settled_already(app.clock, refund_checks.sale_of(turn, ref, refund_checks.REVERSIBLE))
    yield replace(result, id=ref.given, about=whose)


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
            yield replace(_ask(turn, app, sales[part.sale_id], part, wish, request), id=ref.given)
        return
    order = turn.session.get_one(Order, ref.id)
    whose, cancels = _whose(order), wishes.cancels(order, wish, sales[parts[0].sale_id])
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


def _whose(order: Order) -> str:
    """The customer, for the confirmation prompt."""
    customer = order.customer
    return " ".join(part for part in (customer.name, f"<{customer.email}>" if customer.email else "") if part)


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


def _ask(turn: Turn, app: App, sale: Transaction, part: Part, wish: Wish, request: int | None) -> Result:
    """Store a part above the operator's limit as a request for approval."""
    kept = approvals.ask(
        turn.session,
        app,
        sale,
        part.amount,
        purchase_id=sale.purchase_id or wish.which.purchase_id,
        reason=wish.reason,
        cancels=wish.cancel and wish.cancel.scope,
        send_email=wish.email,
        request_id=request,
    )
    if wish.note:
        _keep_note(turn, app, sale, wish.note, None)
    return kept


def _keep_hold(turn: Turn, app: App, waiting: Sequence[Transaction]) -> None:
    """Renew the leases of the waiting parts, as the part before them may take long."""
    for part in waiting:
        mine = turn.session.get_one(Transaction, part.id) if part.id else part
        if mine.state is State.CREATED:
            mine.lease_until = app.clock.now() + LEASE


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


def refund_instead(turn: Turn, app: App, void_id: int, wish: Wish, request: int | None) -> Generator[Call, Any, Result]:
    """Refund instead: the gateway definitely refused the void, because the sale has settled. Never
    after a lost answer.
    """
    void = turn.session.get_one(Transaction, void_id)
    sale = turn.session.get_one(Transaction, void.parent_id)
    if refusal := limits.refusal(turn.session, app, sale, void.amount):
        if not wish.request_approval:
            raise refusal
        return _ask(turn, app, sale, Part(sale.id, Kind.REFUND, void.amount), wish, request)
    part = Part(sale.id, Kind.REFUND, void.amount)
    refund = open_part(turn, app, sale, part, wish.again(), request, carries=void.carries)
    return (yield from attempts.exchange(turn, app, refund))


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


def open_part(
    turn: Turn,
    app: App,
    sale: Transaction,
    part: Part,
    wish: Wish,
    request: int | None,
    *,
    carries: Carried | None = None,
) -> Transaction:
    """The intent of a part. `carries`: the cancellation that the attempt before it was to bring."""
    attempt = opening.open_attempt(
        turn,
        app,
        sale,
        part.kind,
        part.amount,
        purchase_id=sale.purchase_id or wish.which.purchase_id,
        request_id=request,
        send_email=wish.email,
        refund_reason=wish.reason,
        joins_queue=wish.survives and part.kind is Kind.VOID,
        **columns_of(carries or wish.cancel),
    )
    if wish.made_by:
        attempt.created_by = wish.made_by
    if wish.note:
        turn.session.flush()
        _keep_note(turn, app, sale, wish.note, attempt.id)
    return attempt


def _keep_note(turn: Turn, app: App, sale: Transaction, text: str, attempt_id: int | None) -> None:
    turn.session.add(
        HistoryEntry(
            customer_id=sale.order.customer_id,
            at=app.clock.now(),
            kind=HistoryKind.NOTE,
            text=text,
            operator_id=app.actor.id,
            order_id=sale.order_id,
            transaction_id=attempt_id or sale.id,
        )
    )
