"""The amounts that an agent may refund without approval: of one sale, and on one business day (domain rules, section
7).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import exists, func, or_, select
from sqlalchemy.orm import Session

from csctl.domain import ids
from csctl.domain.money import Money, to_decimal
from csctl.domain.states import REFUSED_STATES, Kind, Outside, Role
from csctl.errors import NotPermitted
from csctl.models import ApprovalDecision, Operator, Transaction
from csctl.services.administration import settings

if TYPE_CHECKING:
    from csctl.app import App


def refusal(
    session: Session, app: App, sale: Transaction, amount: int, *, with_others: int = 0, to_ask: str | None = None
) -> NotPermitted | None:
    """Why the operator may not return `amount` (minor units) more of this sale; None if they may.

    `with_others` is what the same command will return of other sales: it counts for the day. `to_ask` is the command
    that asks for approval [default: of this sale alone]; empty where none does.
    """
    if app.actor.role is not Role.AGENT:
        return None
    by_day = with_others + amount if amount else 0
    if to_ask is None:
        to_ask = f"csctl txn refund {ids.show('txn', sale.id)}{_amount(sale, amount)} --request-approval"
    return of_sale(session, sale, amount, to_ask) or _of_day(session, app, sale.currency, by_day, to_ask)


def of_sale(session: Session, sale: Transaction, amount: int, to_ask: str = "") -> NotPermitted | None:
    """Cumulative per sale. Once any limit is set, a currency without one needs an admin.

    Read for each record: a limit that is lowered while a command runs applies from then on.
    """
    limits = settings.refund_limits(session)
    if not limits:
        return None
    limit, wanted = limits.get(sale.currency, 0), sale.refunded + sale.reserved + amount
    if wanted <= limit:
        return None
    return NotPermitted(
        f"a refund of {Money(wanted, sale.currency)} of one sale needs the role admin",
        cause=f"agents may refund up to {Money(limit, sale.currency)}" if limit else f"no limit for {sale.currency}",
        fix=f"{to_ask}, or ask an administrator" if to_ask else "ask an administrator",
    )


def _amount(sale: Transaction, amount: int) -> str:
    """The option for a part of the remaining amount."""
    return f" --amount {to_decimal(amount, sale.currency)}" if 0 < amount < sale.refundable else ""


def _of_day(session: Session, app: App, currency: str, amount: int, to_ask: str) -> NotPermitted | None:
    """The limit of one business day: refunds since it began count, with or without an answer of the gateway."""
    limits = settings.refund_limits(session, "agent-daily-limit")
    if not limits or amount == 0:
        return None
    limit, done = limits.get(currency, 0), refunded_today(session, app, currency)
    if done + amount <= limit:
        return None
    return NotPermitted(
        f"a refund of {Money(amount, currency)} more needs the role admin today",
        cause=f"agents may refund up to {Money(limit, currency)} a day, {Money(done, currency)} of it is used"
        if limit
        else f"no limit for {currency}",
        fix=f"{to_ask}, or ask an administrator" if to_ask else "ask an administrator",
    )


def refunded_today(session: Session, app: App, currency: str) -> int:
    """What the operator has refunded today, in minor units. Approved requests and retries of the queue do not count.

    Locks the operator's row, so that two processes of one agent do not both find the same amount unused.
    """
    session.execute(select(Operator.id).where(Operator.id == app.actor.id).with_for_update(key_share=True))
    granted = exists().where(ApprovalDecision.transaction_id == Transaction.id)
    closed = Transaction.state.in_(REFUSED_STATES) & Transaction.queue_item_id.is_(None)
    spent = select(func.coalesce(func.sum(Transaction.amount), 0)).where(
        Transaction.created_at >= app.clock.start_of(app.clock.today()),
        Transaction.created_by == app.actor.id,
        Transaction.kind == Kind.REFUND,
        Transaction.currency == currency,
        Transaction.attempt_on.is_(None),
        or_(Transaction.outside.is_(None), Transaction.outside == Outside.PAYMENT),
        ~closed,
        ~granted,
    )
    return int(session.scalar(spent) or 0)
