"""One part of a return: a void or refund of one sale, opened, asked for, or tried the other way."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any

from csctl.domain.cancellations import Carried
from csctl.domain.refund_plan import Part
from csctl.domain.states import HistoryKind, Kind
from csctl.models import HistoryEntry, Order, Transaction
from csctl.models.cancellations import columns_of
from csctl.results import Result
from csctl.services.payments import attempts, opening
from csctl.services.payments.jobs import Call, Turn
from csctl.services.refunds import approvals, limits
from csctl.services.refunds.wishes import Wish

if TYPE_CHECKING:
    from csctl.app import App


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


def refund_instead(turn: Turn, app: App, void_id: int, wish: Wish, request: int | None) -> Generator[Call, Any, Result]:
    """Refund instead: the gateway definitely refused the void, because the sale has settled. Never
    after a lost answer.
    """
    void = turn.session.get_one(Transaction, void_id)
    sale = turn.session.get_one(Transaction, void.parent_id)
    if refusal := limits.refusal(turn.session, app, sale, void.amount):
        if not wish.request_approval:
            raise refusal
        return ask(turn, app, sale, Part(sale.id, Kind.REFUND, void.amount), wish, request)
    part = Part(sale.id, Kind.REFUND, void.amount)
    refund = open_part(turn, app, sale, part, wish.again(), request, carries=void.carries)
    return (yield from attempts.exchange(turn, app, refund))


def ask(turn: Turn, app: App, sale: Transaction, part: Part, wish: Wish, request: int | None) -> Result:
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


def customer_of(order: Order) -> str:
    """The customer, for the confirmation prompt."""
    customer = order.customer
    return " ".join(part for part in (customer.name, f"<{customer.email}>" if customer.email else "") if part)
