"""Grant requests for approval: the refund is made as the agent requested it (domain rules, section 7)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from sqlalchemy import select

from csctl.domain import ids
from csctl.domain.ids import Ref
from csctl.domain.money import Money, to_decimal
from csctl.domain.refund_plan import Part, Which
from csctl.domain.states import ApprovalState, Kind, Settlement
from csctl.errors import Conflict
from csctl.models import Approval, Transaction
from csctl.results import Result
from csctl.services.payments import attempts, returns, settlement
from csctl.services.payments.jobs import Job, Needs, Turn, Work
from csctl.services.refunds import approvals, parts, ways, wishes
from csctl.services.refunds import checks as refund_checks

if TYPE_CHECKING:
    from csctl.app import App


def changed_since(app: App, refs: Sequence[Ref]) -> dict[int, Money]:
    """What was returned of the sales since these requests were made, by request; only those with a change."""
    with app.read() as session:
        found = session.scalars(select(Approval).where(Approval.id.in_([ref.id for ref in refs]))).all()
        return {
            one.id: Money(returned, one.currency) for one in found if (returned := approvals.returned_since(one)) > 0
        }


def grant(app: App, refs: Sequence[Ref], accepted: Mapping[int, Money] | None, how: wishes.How) -> Iterator[Result]:
    """Carry out requests. `accepted`: what may have been returned of each sale since, as the administrator saw it; None
    accepts any amount.
    """
    with app.read() as session:
        pairs = select(Approval.id, Approval.sale_id).where(Approval.id.in_([ref.id for ref in refs]))
        sales = {number: sale for number, sale in session.execute(pairs)}  # noqa: C416 - rows are no pairs to mypy

    def begin(ref: Ref) -> Job:
        held = {sales[ref.id]} if ref.id in sales else set()
        return Job(ref.given, Needs(transactions=held), lambda turn: _grant_one(turn, app, ref, accepted))

    return how.drive(app, (begin(ref) for ref in refs))


def _grant_one(turn: Turn, app: App, ref: Ref, accepted: Mapping[int, Money] | None) -> Work:
    approval = approvals.find(turn.session, ref)
    if approval.decision is None and approval.requester.disabled_at:
        yield _deny_of_disabled(turn, app, approval, ref)
        return
    sale = _checked(turn, app, approval, accepted)
    if sale.settlement is not Settlement.SETTLED:
        yield from settlement.ask(turn, app, sale.id)
        approval = approvals.find(turn.session, ref)
        turn.session.refresh(approval)  # another administrator may have decided during the call to the gateway
        sale = _checked(turn, app, approval, accepted)
    wish = _wish_of(approval)
    attempt = parts.open_part(turn, app, sale, _part(app, approval, sale), wish, approval.request_id)
    turn.session.flush()
    # Decision and intent are committed together: a request is never granted without its refund, nor twice.
    approvals.decide(turn.session, app, approval, ApprovalState.GRANTED, transaction_id=attempt.id)
    result = yield from attempts.exchange(turn, app, attempt)
    if returns.settled_meanwhile(turn, attempt.id):
        result = yield from parts.refund_instead(turn, app, attempt.id, wish, attempt.request_id)
    yield replace(result, id=ref.given)


def _checked(turn: Turn, app: App, approval: Approval, accepted: Mapping[int, Money] | None) -> Transaction:
    """The sale of a request that may be granted now."""
    approvals.refuse_unless_open(app, approval)
    approvals.refuse_unless_others(app.actor, approval)
    sale = refund_checks.sale_of(turn, Ref(ids.show("txn", approval.sale_id), approval.sale_id))
    _refuse_unless_refundable(app, sale, approval)
    returned = Money(approvals.returned_since(approval), approval.currency)
    seen = returned if accepted is None else accepted.get(approval.id, Money(0, approval.currency))
    if returned.amount > 0 and returned != seen:
        raise Conflict(
            f"{returned} of {ids.show('txn', sale.id)} was returned after the request",
            cause=f"the request is for {Money(approval.amount, approval.currency)} more",
            fix=f"csctl approval grant {ids.show('apr', approval.id)} --again, if both are meant",
        )
    return sale


def _refuse_unless_refundable(app: App, sale: Transaction, approval: Approval) -> None:
    """Raises Conflict for a request that cannot be granted any more: it stays open until it is denied."""
    if sale.is_sale and not sale.voided_at and not sale.disputed_at and approval.amount > sale.refundable:
        name, left = ids.show("apr", approval.id), Money(sale.refundable, sale.currency)
        of_sale, deny = ids.show("txn", sale.id), f"csctl approval deny {name} --reason TEXT"
        refund = f"csctl txn refund {of_sale} --amount {to_decimal(left.amount, left.currency)}"
        raise Conflict(
            f"{Money(approval.amount, approval.currency)} is more than the remaining amount of {of_sale}",
            cause=f"{left} remains: some was returned after the request",
            fix=f"{deny}; then {refund}" if left.amount else deny,
        )
    refund_checks.refuse_unless_refundable(app, sale, approval.amount)


def _part(app: App, approval: Approval, sale: Transaction) -> Part:
    """A refund; for an unsettled sale a void, if all of it was requested."""
    whole, can = approval.amount == sale.amount, ways.of(app, sale)
    if sale.settlement is Settlement.SETTLED:
        return Part(sale.id, Kind.REFUND, approval.amount)
    if whole and can.void:
        return Part(sale.id, Kind.VOID, sale.amount)
    if can.refunds(whole=whole):
        return Part(sale.id, Kind.REFUND, approval.amount)
    raise Conflict(
        f"{ids.show('txn', sale.id)} has not settled",
        cause="no money has moved yet, and there is no partial void",
        fix="grant it after it has settled (csctl txn sync)",
    )


def _wish_of(approval: Approval) -> wishes.Wish:
    return wishes.Wish(
        reason=approval.reason,
        cancel=approval.carries,
        email=approval.send_email,
        which=Which(purchase_id=approval.purchase_id),
        made_by=approval.requested_by,
    )


def _deny_of_disabled(turn: Turn, app: App, approval: Approval, ref: Ref) -> Result:
    """Deny the request of a disabled operator."""
    name = approval.requester.name
    approvals.decide(turn.session, app, approval, ApprovalState.DENIED, reason=f"{name} is disabled")
    error = Conflict(
        f"{ids.show('apr', approval.id)} is denied",
        cause=f"its requester {name} is disabled",
        fix=f"csctl txn refund {ids.show('txn', approval.sale_id)}",
    )
    return Result.refused(ref.given, error)
