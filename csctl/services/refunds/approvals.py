"""Requests for refunds above an agent's limit: request, list, deny and withdraw them (domain rules, section 7)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session, joinedload

from csctl.domain import approvals as rules
from csctl.domain import ids
from csctl.domain.ids import Ref
from csctl.domain.money import Money, to_decimal
from csctl.domain.operators import Actor
from csctl.domain.outcomes import Outcome
from csctl.domain.states import ApprovalState, Role
from csctl.domain.text import accept
from csctl.errors import Conflict, NotFound, NotPermitted, Usage
from csctl.models import Approval, ApprovalDecision, Operator, Order, Transaction
from csctl.results import Limit, Page, Result, Row
from csctl.services.shared import access, audit, bulk, history, listing

if TYPE_CHECKING:
    from datetime import timedelta

    from csctl.app import App


def ask(session: Session, app: App, sale: Transaction, amount: int, **details: Any) -> Result:
    """Store a refund of `amount` (minor units) as a request. The caller has locked the sale.

    `details` are further columns. The same `--request-id` gets its first request again. Raises Conflict if the sale has
    an open request.
    """
    if earlier := _of_request(session, sale, details.get("request_id")):
        return _kept(earlier)
    if waiting := open_of(session, app, sale.id):
        name = ids.show("apr", waiting.id)
        raise Conflict(
            f"{ids.show('txn', sale.id)} has an open request for approval",
            cause=f"{name} for {Money(waiting.amount, waiting.currency)}",
            fix=f"csctl approval show {name}",
        )
    made = Approval(
        sale_id=sale.id,
        amount=amount,
        currency=sale.currency,
        returned_before=sale.refunded + sale.reserved,
        created_at=app.clock.now(),
        **{"requested_by": app.actor.id, **details},
    )
    session.add(made)
    session.flush()
    money, name = Money(amount, sale.currency), ids.show("apr", made.id)
    of_sale = ids.show("txn", sale.id)
    customer = sale.order.customer_id
    history.event(
        session, app, customer, f"asked for approval of {money} on {of_sale} ({name})", sale.order_id, sale.id
    )
    audit.write(session, app, Outcome.CREATED, target=name, transaction=of_sale, amount=str(money))
    return _kept(made)


def _of_request(session: Session, sale: Transaction, request: int | None) -> Approval | None:
    same = (Approval.request_id == request) & (Approval.sale_id == sale.id)
    return session.scalars(select(Approval).where(same)).first() if request is not None else None


def _kept(approval: Approval) -> Result:
    name = ids.show("apr", approval.id)
    return Result(
        name,
        Outcome.PENDING,
        "waits for an administrator's approval",
        money=Money(approval.amount, approval.currency),
        extra={"approval_id": name},
    )


# -- states


def state_of(app: App, approval: Approval) -> ApprovalState:
    """The state of a request: its decision, or whether it is open still (domain rules, section 7)."""
    return rules.state_of(
        approval.decision.state if approval.decision else None,
        approval.created_at,
        days=app.shop.approval_days,
        now=app.clock.now(),
        requester_disabled=approval.requester.disabled_at is not None,
    )


def open_of(session: Session, app: App, sale_id: int) -> Approval | None:
    """The open request for a sale, if there is one."""
    wanted = select(Approval).where(Approval.sale_id == sale_id, _in_state(app, ApprovalState.OPEN))
    return session.scalars(_joined(wanted)).first()


def _joined(statement: Any) -> Any:
    return statement.outerjoin(Approval.decision).join(Approval.requester)


def _in_state(app: App, state: ApprovalState) -> ColumnElement[bool]:
    """The same as `domain.approvals.state_of`, for the database."""
    undecided, disabled = ApprovalDecision.id.is_(None), Operator.disabled_at.is_not(None)
    too_old = Approval.created_at <= app.clock.now() - _age(app)
    return {
        ApprovalState.OPEN: and_(undecided, ~disabled, ~too_old),
        ApprovalState.EXPIRED: and_(undecided, ~disabled, too_old),
        ApprovalState.DENIED: or_(ApprovalDecision.state == state, and_(undecided, disabled)),
    }.get(state, ApprovalDecision.state == state)


def _age(app: App) -> timedelta:
    now = app.clock.now()
    return rules.expires_at(now, app.shop.approval_days) - now


def listing_of(app: App, limit: Limit, *, state: str | None = None) -> Page:
    """Requests, newest first: one's own, for an admin those of all. By default the open ones; `any` means all."""
    wanted = _joined(select(Approval))
    if state != "any":
        wanted = wanted.where(_in_state(app, ApprovalState(state or ApprovalState.OPEN)))
    if app.actor.role is not Role.ADMIN:
        wanted = wanted.where(Approval.requested_by == app.actor.id)
    wanted = wanted.options(
        joinedload(Approval.decision), joinedload(Approval.requester), joinedload(Approval.sale, Transaction.order)
    )

    def rows(session: Session, found: list[Approval]) -> list[Row]:
        return [row(session, app, one) for one in found]

    return listing.newest_first(app, wanted, Approval.created_at, Approval.id, rows, limit)


def of_customer(session: Session, app: App, customer_id: int) -> list[Row]:
    """The open requests for refunds of a customer, newest first."""
    wanted = _joined(select(Approval)).join(Approval.sale).join(Transaction.order)
    wanted = wanted.where(Order.customer_id == customer_id, _in_state(app, ApprovalState.OPEN))
    return [row(session, app, one) for one in session.scalars(wanted.order_by(Approval.id.desc()))]


def show(app: App, number: int) -> Row:
    """One request, with what was returned of its sale since. Raises NotFound, and NotPermitted for
    another operator's.
    """
    with app.read() as session:
        approval = listing.existing(session, Approval, "apr", number)
        mine = approval.requested_by == app.actor.id
        sale = approval.sale
        found = {
            **row(session, app, approval),
            "refundable": to_decimal(sale.refundable, sale.currency),
            "returned_since": to_decimal(returned_since(approval), sale.currency),
        }
    if not mine:
        access.require(app, "approvals of others")
    return found


def row(session: Session, app: App, approval: Approval) -> Row:
    decision = approval.decision
    decider = session.get(Operator, decision.decided_by) if decision and decision.decided_by else None
    return {
        "id": ids.show("apr", approval.id),
        "transaction_id": ids.show("txn", approval.sale_id),
        "order_id": ids.show("ord", approval.sale.order_id),
        "customer_id": ids.show("cus", approval.sale.order.customer_id),
        "amount": to_decimal(approval.amount, approval.currency),
        "currency": approval.currency,
        "reason": approval.reason,
        "state": state_of(app, approval).value,
        "requested_by": approval.requester.name,
        "created_at": approval.created_at,
        "expires_at": rules.expires_at(approval.created_at, app.shop.approval_days),
        "decided_by": decider.name if decider else None,
        "decided_at": decision.decided_at if decision else None,
        "decision_reason": decision.reason if decision else None,
        "refund_id": ids.show_or_none("txn", decision.transaction_id if decision else None),
    }


def returned_since(approval: Approval) -> int:
    """What was refunded or reserved of the sale after the request was made, in minor units."""
    return approval.sale.refunded + approval.sale.reserved - approval.returned_before


# -- decisions


def deny(app: App, refs: Sequence[Ref], reason: str, *, dry_run: bool, fail_fast: bool = False) -> Iterator[Result]:
    """Close open requests without a refund. Raises Usage for an empty reason."""
    if not (reason := accept(reason, "reason")):
        raise Usage("a reason is needed", fix="--reason TEXT")

    def change(session: Session, ref: Ref) -> Result:
        approval = _locked(session, app, ref)
        refuse_unless_others(app.actor, approval)
        return _close(session, app, approval, ref, ApprovalState.DENIED, reason)

    return bulk.each(app, refs, change, dry_run=dry_run, fail_fast=fail_fast)


def withdraw(app: App, refs: Sequence[Ref], *, dry_run: bool, fail_fast: bool = False) -> Iterator[Result]:
    """Withdraw one's own requests."""

    def change(session: Session, ref: Ref) -> Result:
        approval = _locked(session, app, ref)
        if approval.requested_by != app.actor.id:
            raise NotPermitted(
                f"{ref.given} is the request of {approval.requester.name}",
                cause="a request is withdrawn by who made it",
                fix=f"csctl approval deny {ids.show('apr', approval.id)} --reason TEXT (administrators)",
            )
        return _close(session, app, approval, ref, ApprovalState.WITHDRAWN, None)

    return bulk.each(app, refs, change, dry_run=dry_run, fail_fast=fail_fast)


def refuse_unless_others(actor: Actor, approval: Approval) -> None:
    """Raises NotPermitted for one's own request: two people must agree."""
    if approval.requested_by == actor.id:
        name = ids.show("apr", approval.id)
        raise NotPermitted(
            f"{name} is a request of your own",
            cause="another administrator has to decide on it",
            fix=f"csctl approval withdraw {name}, or ask another administrator",
        )


def refuse_unless_open(app: App, approval: Approval) -> None:
    """Raises Conflict for a request that is decided, withdrawn or expired."""
    state, name = state_of(app, approval), ids.show("apr", approval.id)
    if state is not ApprovalState.OPEN:
        ended = rules.expires_at(approval.created_at, app.shop.approval_days)
        when = approval.decision.decided_at if approval.decision else ended
        why = f"since {app.clock.day_of(when)}"
        if approval.requester.disabled_at and not approval.decision:
            why = f"{approval.requester.name} is disabled"
        raise Conflict(f"{name} is {state.value}", cause=why, fix=f"csctl approval show {name}")


def decide(
    session: Session, app: App, approval: Approval, state: ApprovalState, *, reason: str | None = None, **more: Any
) -> None:
    """Write the decision on an open request. The caller has locked its sale."""
    session.add(
        ApprovalDecision(
            approval=approval,
            state=state,
            reason=reason,
            decided_by=app.actor.id,
            decided_at=app.clock.now(),
            **more,
        )
    )
    name, sale = ids.show("apr", approval.id), approval.sale
    event = f"{state.value} {name}, the request of {Money(approval.amount, approval.currency)}"
    history.event(session, app, sale.order.customer_id, event, sale.order_id, sale.id)
    audit.write(
        session,
        app,
        Outcome.UPDATED,
        target=name,
        before=ApprovalState.OPEN.value,
        after=state.value,
        amount=str(Money(approval.amount, approval.currency)),
        reason=audit.given(reason),
        **audit.requester(app.actor, approval.requested_by),
    )


def _locked(session: Session, app: App, ref: Ref) -> Approval:
    """The open request; its order and its sale are locked, because no login may change the row itself."""
    approval = find(session, ref)
    bulk.locked(session, Order, "ord", approval.sale.order_id)
    bulk.locked(session, Transaction, "txn", approval.sale_id)
    session.refresh(approval, ["decision"])
    refuse_unless_open(app, approval)
    return approval


def find(session: Session, ref: Ref) -> Approval:
    """The request with this id. Raises NotFound."""
    approval = session.get(Approval, ref.id)
    if approval is None:
        raise NotFound(f"there is no approval request {ref.given}", fix="csctl approval list --state any")
    return approval


def _close(
    session: Session, app: App, approval: Approval, ref: Ref, state: ApprovalState, reason: str | None
) -> Result:
    decide(session, app, approval, state, reason=reason)
    return Result(ref.given, Outcome.UPDATED, state.value, money=Money(approval.amount, approval.currency))
