"""Build the operation of an attempt for a gateway. All of it comes from the rows: an attempt that is sent again is
identical.
"""

from __future__ import annotations

from functools import partial

from sqlalchemy import select
from sqlalchemy.orm import Session

from csctl.domain import ids
from csctl.domain.states import CHARGES, Kind, Occasion, State
from csctl.gateways.operations import Answer, Initiator, Operation, Sale
from csctl.gateways.protocol import Gateway
from csctl.models import Order, PaymentMethod, Transaction
from csctl.services.payments.jobs import Turn


def of_attempt(session: Session, attempt: Transaction, network_ref: str | None = None) -> Operation:
    """The operation of a charge, void, refund or capture. Amounts in minor units. `network_ref`: to send it."""
    method = session.get(PaymentMethod, attempt.payment_method_id) if attempt.payment_method_id else None
    parent = session.get_one(Transaction, attempt.parent_id) if attempt.parent_id else None
    order = session.get_one(Order, attempt.order_id)  # a new attempt has no relationships yet
    by_customer = attempt.occasion is Occasion.CHECKOUT
    return Operation(
        kind=attempt.kind,
        key=attempt.key or "",
        amount=attempt.amount,
        currency=attempt.currency,
        sent_at=attempt.sent_at or attempt.created_at,
        sale=_sale(parent, method) if parent else None,
        token=method.token if method and parent is None else None,
        order_number=order.external_id or ids.show("ord", order.id),
        initiated=Initiator.CUSTOMER if by_customer else Initiator.MERCHANT,
        network_ref=network_ref,
    )


def network_ref(turn: Turn, attempt: Transaction) -> str | None:
    """The card network's reference of the first charge of the card that a charge is for, at the same account.

    It is asked for once for all cards of the customers that the transaction holds.
    """
    card, known = attempt.payment_method_id, turn.held.network_refs
    if attempt.kind is not Kind.SALE or card is None:
        return None
    if card not in known:
        cards = {card, *(method.id for customer in turn.held.customers for method in customer.payment_methods)}
        known.update(dict.fromkeys(cards))
        named = select(Transaction.payment_method_id, Transaction.network_ref).where(
            Transaction.payment_method_id.in_(cards),
            Transaction.kind.in_(CHARGES),
            Transaction.state == State.APPROVED,
            Transaction.network_ref.is_not(None),
        )
        for number, reference in turn.session.execute(named.order_by(Transaction.id.desc())):
            if number is not None:
                known[number] = reference
    return known[card]


def write(gateway: Gateway, operation: Operation) -> partial[Answer]:
    """The call that carries an operation out. The same key again: a gateway that honours keys does it at most once."""
    calls = {Kind.VOID: gateway.void, Kind.REFUND: gateway.refund}
    return partial(calls.get(operation.kind, gateway.charge), operation)


def _sale(row: Transaction, method: PaymentMethod | None) -> Sale:
    return Sale(
        reference=row.gateway_ref or "",
        amount=row.amount,
        currency=row.currency,
        at=row.created_at,
        captured=row.kind is not Kind.AUTHORIZE,
        last4=method.last4 if method else None,
    )
