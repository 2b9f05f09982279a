"""Transactions as listings and `txn show` show them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session, joinedload

from csctl.domain import ids
from csctl.domain.money import to_decimal
from csctl.domain.states import Kind, Settlement, State
from csctl.models import Order, PaymentMethod, Transaction
from csctl.results import Page
from csctl.services.shared import damage, operator_names
from csctl.services.shared import listing as listings

if TYPE_CHECKING:
    from csctl.app import App


def listing(
    app: App,
    limit: int | None,
    *,
    order_id: int | None = None,
    customer_id: int | None = None,
    kind: str | None = None,
    state: str | None = None,
    settlement: str | None = None,
    gateway: str | None = None,
    disputed: bool = False,
    since: str | None = None,
    until: str | None = None,
) -> Page:
    """Transactions, newest first. Raises Usage for a time that is none."""
    statement = select(Transaction).options(joinedload(Transaction.order))
    statement = statement.where(*listings.between(app.clock, Transaction.created_at, since, until))
    if order_id is not None:
        statement = statement.where(Transaction.order_id == order_id)
    if customer_id is not None:
        statement = statement.where(Transaction.order_id.in_(select(Order.id).where(Order.customer_id == customer_id)))
    if kind is not None:
        statement = statement.where(Transaction.kind == Kind(kind))
    if state is not None:
        statement = statement.where(Transaction.state == State(state))
    if settlement is not None:
        statement = statement.where(Transaction.settlement == Settlement(settlement))
    if disputed:
        statement = statement.where(Transaction.disputed_at.is_not(None))
    if gateway is not None:
        statement = statement.where(Transaction.gateway == gateway.lower())
    return listings.newest_first(app, statement, Transaction.created_at, Transaction.id, rows, limit)


def show(app: App, number: int) -> dict[str, Any]:
    """A transaction, the card it used, and the captures, voids and refunds of it. Raises NotFound."""
    with app.read() as session:
        transaction = listings.existing(session, Transaction, "txn", number)
        names = operator_names.names(session)
        children = session.scalars(
            select(Transaction)
            .where(Transaction.parent_id == number)
            .options(joinedload(Transaction.order))
            .order_by(Transaction.created_at, Transaction.id)
        )
        method = transaction.payment_method_id and session.get(PaymentMethod, transaction.payment_method_id)
        return {
            **row(transaction, names),
            "payment_method": payment_method_row(method) if method else None,
            "children": damage.each(lambda child: row(child, names), children),
        }


def of_orders(session: Session, orders: ColumnElement[bool]) -> list[dict[str, Any]]:
    """The transactions of the orders that the condition picks, newest first. Runs two queries."""
    picked = select(Transaction).join(Transaction.order).where(orders).options(joinedload(Transaction.order))
    return rows(session, list(session.scalars(picked.order_by(Transaction.created_at.desc(), Transaction.id.desc()))))


def rows(session: Session, transactions: list[Transaction]) -> list[dict[str, Any]]:
    names = operator_names.names(session)
    return damage.each(lambda transaction: row(transaction, names), transactions)


def row(transaction: Transaction, operator_names: Mapping[int, str]) -> dict[str, Any]:
    """`refunded` and `refundable` are a sale's or a capture's; `standing` is `_standing`."""
    currency = transaction.currency
    sells = transaction.kind.takes_money
    return {
        "id": ids.show("txn", transaction.id),
        "external_id": transaction.external_id,
        "order_id": ids.show("ord", transaction.order_id),
        "purchase_id": ids.show_or_none("pur", transaction.purchase_id),
        "customer_id": ids.show("cus", transaction.order.customer_id),
        "kind": transaction.kind.value,
        "state": transaction.state.value,
        "amount": to_decimal(transaction.amount, currency),
        "currency": currency,
        "settlement": transaction.settlement.value if transaction.settlement else None,
        "standing": _standing(transaction),
        "settled_at": transaction.settled_at,
        "refunded": to_decimal(transaction.refunded, currency) if sells else None,
        "refundable": to_decimal(transaction.refundable, currency) if sells else None,
        "voided": transaction.voided_at is not None,
        "disputed": transaction.disputed_at is not None,
        "outside": transaction.outside.value if transaction.outside else None,
        "outside_reference": transaction.outside_reference,
        "refund_reason": transaction.refund_reason,
        "parent_id": ids.show_or_none("txn", transaction.parent_id),
        "gateway": transaction.gateway,
        "gateway_ref": transaction.gateway_ref,
        "reason": transaction.reason,
        "message": transaction.message,
        "created_at": transaction.created_at,
        "created_by": operator_names.get(transaction.created_by) if transaction.created_by else None,
    }


def _standing(transaction: Transaction) -> str:
    """What has become of it, in a word: of an approved one, whether its money was returned or has moved at all."""
    if transaction.state is not State.APPROVED:
        return transaction.state.value
    if transaction.voided_at:
        return "voided"
    if transaction.disputed_at:
        return "disputed"
    if transaction.refunded:
        return "refunded" if transaction.refunded == transaction.amount else "part refunded"
    return (transaction.settlement or transaction.state).value


def payment_method_row(method: PaymentMethod) -> dict[str, Any]:
    """A card as people know it. Its token is the gateway's and csctl's affair."""
    return {
        "id": ids.show("pm", method.id),
        "external_id": method.external_id,
        "gateway": method.gateway,
        "brand": method.brand,
        "bin": method.bin,
        "last4": method.last4,
        "exp_month": method.exp_month,
        "exp_year": method.exp_year,
        "default": method.is_default,
        "created_at": method.created_at,
    }
