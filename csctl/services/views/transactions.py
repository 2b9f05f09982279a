"""Rows of transactions in lists and in `txn show`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session, joinedload

from csctl.domain import ids
from csctl.domain.money import to_decimal
from csctl.domain.states import Kind, Settlement, State
from csctl.models import Order, PaymentMethod, Transaction
from csctl.results import Amounts, Limit, Page, Row
from csctl.services.shared import damage, field_values, filters, operator_names
from csctl.services.shared import listing as listings
from csctl.services.views import customers

if TYPE_CHECKING:
    from csctl.app import App

WITH_CUSTOMER = joinedload(Transaction.order).joinedload(Order.customer)


@dataclass(frozen=True)
class Filters:
    """Filters of transactions: any of several values of one field, and all of several fields."""

    order_id: Sequence[int] = ()
    customer_id: Sequence[int] = ()
    kind: Sequence[str] = ()
    state: Sequence[str] = ()
    settlement: Sequence[str] = ()
    gateway: Sequence[str] = ()
    card_last4: Sequence[str] = ()
    disputed: bool = False
    since: str | None = None
    until: str | None = None
    amounts: Amounts = Amounts()


def listing(app: App, limit: Limit, wanted: Filters) -> Page:
    """Transactions, newest first. Raises Usage for an invalid value, NotFound for an unknown gateway."""
    with app.read() as session:
        gateways = filters.known_gateways(session, app.settings.gateways, wanted.gateway)
    conditions = [
        *listings.between(app.clock, Transaction.created_at, wanted.since, wanted.until),
        *filters.any_of(Transaction.order_id, wanted.order_id),
        *filters.any_of(Transaction.kind, [Kind(kind) for kind in wanted.kind]),
        *filters.any_of(Transaction.state, [State(state) for state in wanted.state]),
        *filters.any_of(Transaction.settlement, [Settlement(one) for one in wanted.settlement]),
        *filters.any_of(Transaction.gateway, gateways),
        *filters.amounts(wanted.amounts, Transaction.amount, Transaction.currency),
    ]
    if wanted.customer_id:
        theirs = select(Order.id).where(Order.customer_id.in_(wanted.customer_id))
        conditions.append(Transaction.order_id.in_(theirs))
    if wanted.card_last4:
        cards = select(PaymentMethod.id).where(PaymentMethod.last4.in_(wanted.card_last4))
        conditions.append(Transaction.payment_method_id.in_(cards))
    if wanted.disputed:
        conditions.append(Transaction.disputed_at.is_not(None))
    statement = select(Transaction).where(*conditions).options(WITH_CUSTOMER)
    return listings.newest_first(app, statement, Transaction.created_at, Transaction.id, rows, limit)


def show(app: App, number: int) -> Row:
    """A transaction, its card, and its captures, voids and refunds. Raises NotFound."""
    with app.read() as session:
        transaction = listings.existing(session, Transaction, "txn", number)
        names = operator_names.names(session)
        children = session.scalars(
            select(Transaction)
            .where(Transaction.parent_id == number)
            .options(WITH_CUSTOMER)
            .order_by(Transaction.created_at, Transaction.id)
        )
        method = transaction.payment_method_id and session.get(PaymentMethod, transaction.payment_method_id)
        return {
            **row(transaction, names),
            "payment_method": payment_method_row(method) if method else None,
            "children": damage.each(lambda child: row(child, names), children),
        }


def of_orders(session: Session, orders: ColumnElement[bool], operator_names: Mapping[int, str]) -> list[Row]:
    """The transactions of the orders that meet the condition, newest first. Runs one query."""
    picked = select(Transaction).join(Transaction.order).where(orders).options(WITH_CUSTOMER)
    found = session.scalars(picked.order_by(Transaction.created_at.desc(), Transaction.id.desc()))
    return damage.each(lambda transaction: row(transaction, operator_names), found)


def rows(session: Session, transactions: list[Transaction]) -> list[Row]:
    names = operator_names.names(session)
    return damage.each(lambda transaction: row(transaction, names), transactions)


def row(transaction: Transaction, operator_names: Mapping[int, str]) -> Row:
    """A row. `refunded` and `refundable` are a sale's or a capture's; `standing` is `_standing`."""
    currency = transaction.currency
    sells = transaction.kind.takes_money
    return {
        **field_values.listed(transaction),
        "customer_id": ids.show("cus", transaction.order.customer_id),
        **customers.named(transaction.order.customer),
        "standing": _standing(transaction),
        "refunded": to_decimal(transaction.refunded, currency) if sells else None,
        "over_returned": to_decimal(transaction.over_returned, currency) if sells else None,
        "refundable": to_decimal(transaction.refundable, currency) if sells else None,
        "voided": transaction.voided_at is not None,
        "disputed": transaction.disputed_at is not None,
        "duplicate": transaction.duplicate_at is not None,
        "created_by": operator_names.get(transaction.created_by) if transaction.created_by else None,
    }


def _standing(transaction: Transaction) -> str:
    """The state in one word: of an approved one, whether its money was returned or has moved at all."""
    if transaction.state is not State.APPROVED:
        return transaction.state.value
    if transaction.voided_at:
        return "voided"
    if transaction.disputed_at:
        return "disputed"
    if transaction.refunded:
        return "refunded" if transaction.refunded == transaction.amount else "part refunded"
    return (transaction.settlement or transaction.state).value


def payment_method_row(method: PaymentMethod) -> Row:
    """A card as people know it, without its token."""
    return field_values.listed(method)
