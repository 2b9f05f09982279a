"""`txn refund --outside`: record money that was returned without csctl, and withdraw such a record."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.orm import Session

from csctl.domain import ids
from csctl.domain.ids import Ref
from csctl.domain.money import Money
from csctl.domain.outcomes import Outcome
from csctl.domain.states import HistoryKind, Outside, State
from csctl.domain.text import accept
from csctl.errors import Conflict, Usage
from csctl.models import Order, Transaction
from csctl.results import Result
from csctl.services.emails import announce as emails
from csctl.services.outcomes import cancellation as cancelling
from csctl.services.payments import outside
from csctl.services.payments.engine import drive
from csctl.services.payments.jobs import Job, Needs, Turn, Work
from csctl.services.payments.outside import Undone
from csctl.services.refunds import checks, limits, wishes
from csctl.services.refunds.wishes import How, Wish
from csctl.services.shared import access, bulk, history

if TYPE_CHECKING:
    from csctl.app import App


def record(app: App, refs: Sequence[Ref], reference: str, wish: Wish, how: How) -> Iterator[Result]:
    """Record money of sales as refunded that was returned by other means. The limits of a refund apply.

    Raises Usage for an empty reference, an invalid amount, and several currencies.
    """
    reference = accept(reference, "reference")
    if not reference or reference.startswith("--"):  # else it is the next option
        raise Usage("--outside needs a reference", fix="--outside 'cheque 118'")
    wish = wish.with_reason_of(app.shop).checked()
    amount = wishes.amount_of(app, refs, wish, Transaction)
    request = wishes.request_of(app, refs, wish, amount, how, outside=reference)

    def begin(ref: Ref) -> Job:
        return Job(
            ref.given,
            Needs(transactions={ref.id}),
            lambda turn: _record_one(turn, app, ref, reference, wish, amount, request),
        )

    return drive(app, (begin(ref) for ref in refs), dry_run=how.dry_run, fail_fast=how.fail_fast, sends=False)


def _record_one(
    turn: Turn, app: App, ref: Ref, reference: str, wish: Wish, amount: int | None, request: int | None
) -> Work:
    sale = checks.sale_of(turn, ref)
    if first := wishes.first_results(turn, app, request, Transaction.parent_id == ref.id):
        yield replace(first[-1], id=ref.given)
        return
    # The gateway is not needed: its account may be closed, which is why the money was returned by other means.
    checks.refuse_unless_refundable(app, sale, amount, limited=False, sends=False)
    returned = amount or sale.refundable
    if refusal := limits.refusal(turn.session, app, sale, returned, to_ask=""):
        raise refusal
    refund = outside.book(
        turn.session,
        app,
        sale,
        returned,
        Outside.PAYMENT,
        reference,
        request_id=request,
        send_email=wish.email,
        refund_reason=wish.reason,
    )
    emails.announce(turn.session, app, refund)
    if wish.note:
        customer = sale.order.customer_id
        history.event(turn.session, app, customer, wish.note, sale.order_id, refund.id, kind=HistoryKind.NOTE)
    if wish.cancel:
        for purchase in sale.order.purchases:
            if sale.purchase_id in (None, purchase.id):
                cancelling.cancel_purchase(turn.session, app, purchase, wish.reason)
    yield Result(
        ref.given,
        Outcome.REFUNDED,
        "recorded; nothing was sent",
        money=Money(returned, sale.currency),
        transaction_id=ids.show("txn", refund.id),
    )


def undo(app: App, refs: Sequence[Ref], *, dry_run: bool, fail_fast: bool = False) -> Iterator[Result]:
    """Withdraw mistaken records, by the refund's own id, or that of the sale if it has only one. For administrators."""
    access.require(app, "undo of a refund outside")

    def change(session: Session, ref: Ref) -> Result:
        order_id = session.scalar(select(Transaction.order_id).where(Transaction.id == ref.id))
        if order_id is not None:
            bulk.locked(session, Order, "ord", order_id)
        row = bulk.locked(session, Transaction, "txn", ref.id)
        refund = row if row.outside else _only_record_of(session, row)
        sale = bulk.locked(session, Transaction, "txn", refund.parent_id or 0)
        if refund.state is not State.APPROVED:
            raise Conflict(f"{ids.show('txn', refund.id)} was taken back before")
        _refuse_if_on_record(refund)
        outside.take_back(session, app, refund, sale, Undone.MISTAKE)
        return Result(
            ref.given,
            Outcome.UPDATED,
            "the record is taken back: its amount remains",
            money=Money(refund.amount, refund.currency),
            transaction_id=ids.show("txn", refund.id),
        )

    return bulk.each(app, refs, change, dry_run=dry_run, fail_fast=fail_fast)


def _refuse_if_on_record(refund: Transaction) -> None:
    """A refund that the gateway has by its reference was not a mistake: it would be learned again, and differ."""
    if refund.outside is Outside.GATEWAY and refund.gateway_ref:
        name, cause = ids.show("txn", refund.id), f"the gateway has it on record as {refund.gateway_ref}"
        raise Conflict(f"{name} was not recorded by mistake", cause=cause, fix=f"csctl txn sync {name}")


def _only_record_of(session: Session, sale: Transaction) -> Transaction:
    """The only outside refund of a sale. Raises Conflict if there are several or none."""
    recorded = select(Transaction).where(
        Transaction.parent_id == sale.id, Transaction.outside.is_not(None), Transaction.state == State.APPROVED
    )
    found = session.scalars(recorded.order_by(Transaction.id)).all()
    name = ids.show("txn", sale.id)
    if not found:
        raise Conflict(f"{name} has no refund outside", fix=f"csctl txn show {name}")
    if len(found) > 1:
        names = [ids.show("txn", one.id) for one in found]
        raise Conflict(
            f"{name} has {len(found)} refunds outside",
            cause=", ".join(names),
            fix=f"csctl txn refund {names[-1]} --undo-outside",
        )
    return found[0]
