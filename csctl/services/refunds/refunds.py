"""Return the money of named sales: void unsettled ones, refund settled ones (domain rules, section 2)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from csctl.domain import ids
from csctl.domain.ids import Ref
from csctl.domain.refund_plan import Part
from csctl.domain.states import Kind, Settlement
from csctl.errors import Conflict, Usage
from csctl.models import Transaction
from csctl.results import Result
from csctl.services.payments import attempts, returns, settlement
from csctl.services.payments.jobs import Job, Needs, Turn, Work
from csctl.services.refunds import checks as refund_checks
from csctl.services.refunds import limits, ways, wishes
from csctl.services.refunds.parts import ask, customer_of, open_part
from csctl.services.refunds.wishes import How, Wish

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

    return how.drive(app, (begin(ref) for ref in refs))


def void_transactions(app: App, refs: Sequence[Ref], wish: Wish, how: How) -> Iterator[Result]:
    """Void unsettled sales and authorizations, each as a whole."""
    if wish.amount is not None:
        raise Usage(
            "there is no partial void", cause="a void reverts the whole pending charge", fix="leave --amount out"
        )
    wish = wish.with_reason_of(app.shop).checked()

    def begin(ref: Ref) -> Job:
        return Job(ref.given, Needs(transactions={ref.id}), lambda turn: _void_one(turn, app, ref, wish))

    return how.drive(app, (begin(ref) for ref in refs))


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
        yield replace(ask(turn, app, sale, part, wish, request), id=ref.given)
        return
    cancels, whose = wishes.cancels(sale.order, wish, sale), customer_of(sale.order)
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
    attempt, whose = (
        open_part(turn, app, sale, Part(sale.id, Kind.VOID, sale.amount), wish, None),
        customer_of(sale.order),
    )
    result = yield from attempts.exchange(turn, app, attempt)
    if returns.settled_meanwhile(turn, attempt.id):
        raise refund_checks.settled_already(app.clock, refund_checks.sale_of(turn, ref, refund_checks.REVERSIBLE))
    yield replace(result, id=ref.given, about=whose)
