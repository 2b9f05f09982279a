"""Money that was returned without csctl: cheques, and lost chargebacks. Nothing is sent."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from csctl.domain import ids
from csctl.domain.attempts import becomes
from csctl.domain.money import Money
from csctl.domain.outcomes import Outcome
from csctl.domain.reasons import Reason
from csctl.domain.states import SALES, Kind, Outside, Settlement, State
from csctl.models import Transaction
from csctl.services.outcomes import late, orders
from csctl.services.shared import audit, history

if TYPE_CHECKING:
    from csctl.app import App


class Undone(Enum):
    """Why a record does not count any more, in words."""

    MISTAKE = "was recorded by mistake"
    RETURNED = "was returned by the bank"
    DIVIDED = "is recorded as other refunds"
    LOWERED = "is not among what the gateway has returned any more"


_REASONS = {Undone.MISTAKE: Reason.RECORDED_BY_MISTAKE, Undone.RETURNED: Reason.RETURNED}


def book(
    session: Session, app: App, sale: Transaction, amount: int, outside: Outside, reference: str | None, **details: Any
) -> Transaction:
    """Record `amount` (minor units) of a sale as returned: an approved refund that was never sent.

    The caller has locked the order and the sale, and has checked that so much remains; a bank may take more. `details`
    are further columns.
    Without a key and an unsettled state: neither `txn reconcile` nor `txn sync` asks a gateway about it.
    """
    now = app.clock.now()
    refund = Transaction(
        order_id=sale.order_id,
        payment_method_id=sale.payment_method_id,
        parent_id=sale.id,
        kind=Kind.REFUND,
        state=State.APPROVED,
        amount=amount,
        currency=sale.currency,
        gateway=sale.gateway,
        outside=outside,
        outside_reference=reference,
        settlement=Settlement.SETTLED,
        settled_at=now,
        created_at=now,
        created_by=app.actor.id,
        finished_at=now,
        **{"purchase_id": sale.purchase_id, **details},
    )
    late.add(sale, amount)
    session.add(refund)
    session.flush()
    orders.note_if_all_returned(sale.order, _sales_of(session, sale))
    _note_booked(session, app, refund, sale)
    return refund


def _note_booked(session: Session, app: App, refund: Transaction, sale: Transaction) -> None:
    """Record the refund in the customer's history and in the audit log."""
    money, of_sale = Money(refund.amount, sale.currency), ids.show("txn", sale.id)
    what = "chargeback" if refund.outside is Outside.CHARGEBACK else "refund outside"
    _note(session, app, refund, f"{what} of {money} on {of_sale}", refund.outside_reference)
    audit.write(
        session,
        app,
        Outcome.REFUNDED,
        target=of_sale,
        transaction=ids.show("txn", refund.id),
        outside=str(refund.outside),
        amount=str(money),
    )


def take_back(session: Session, app: App, refund: Transaction, sale: Transaction, why: Undone) -> None:
    """Undo `book`: the amount remains again. The caller has locked the order and both rows."""
    refund.state, refund.reason = becomes(refund.state, State.FAILED), _REASONS.get(why)
    refund.finished_at = app.clock.now()
    late.subtract(sale, refund.amount)
    orders.note_money(sale.order)
    money, name = Money(refund.amount, refund.currency), ids.show("txn", refund.id)
    _note(session, app, refund, f"{name}, a refund outside of {money}, {why.value}", None)
    audit.write(
        session,
        app,
        Outcome.UPDATED,
        target=ids.show("txn", sale.id),
        transaction=name,
        before=State.APPROVED.value,
        after=State.FAILED.value,
        amount=str(money),
    )


def _sales_of(session: Session, sale: Transaction) -> list[Transaction]:
    same = select(Transaction).where(Transaction.order_id == sale.order_id, Transaction.kind.in_(SALES))
    return list(session.scalars(same))


def _note(session: Session, app: App, refund: Transaction, text: str, reason: str | None) -> None:
    customer_id = refund.order.customer_id
    history.event(session, app, customer_id, text, refund.order_id, refund.id, reason=reason)
