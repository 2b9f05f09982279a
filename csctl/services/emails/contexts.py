"""The values for email templates: names, amounts in minor units, times in UTC, days; plain JSON values only.

They are stored with the email when it is written, and formatted in the shop's language when it is rendered.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from csctl.clock import rfc3339
from csctl.domain import ids
from csctl.domain.states import Kind
from csctl.models import Customer, Order, Purchase, QueueItem, Transaction

Context = dict[str, Any]


def of_transaction(transaction: Transaction, now: datetime) -> Context:
    """An approved refund or void. Reads its order and the order's customer, without queries of its own."""
    moved: Context = {
        "id": ids.show("txn", transaction.id),
        "amount": _money(transaction.amount, transaction.currency),
        "at": rfc3339(transaction.finished_at or now),
        "outside": transaction.outside is not None,  # the money does not go back to the card
    }
    name = "void" if transaction.kind is Kind.VOID else "refund"
    return {"customer": _customer(transaction.order.customer), "order": _order(transaction.order), name: moved}


def of_order(order: Order) -> Context:
    """An order, with its lines and its shipping address."""
    return {
        "customer": _customer(order.customer),
        "order": {**_order(order), "shipping": order.shipping.lines() if order.shipping else []},
        "items": [_line(purchase) for purchase in order.purchases],
    }


def of_returned(refund: Transaction, now: datetime, *, queued: bool) -> Context:
    """A refund that a bank returned. `queued`: csctl will retry it."""
    context = of_transaction(refund, now)
    context["refund"]["queued"] = queued
    return context


def of_billing(sale: Transaction, purchase: Purchase, *, again_on: date | None) -> Context:
    """A declined billing, and the day of its retry, if there is one."""
    return {
        "customer": _customer(purchase.order.customer),
        "order": _order(purchase.order),
        "purchase": _line(purchase),
        "billing": {"amount": _money(sale.amount, sale.currency), "again_on": _day(again_on)},
    }


def of_cancelled(purchase: Purchase, day: date) -> Context:
    """A purchase that was cancelled."""
    return {
        "customer": _customer(purchase.order.customer),
        "order": _order(purchase.order),
        "purchase": {**_line(purchase), "cancelled_on": _day(day)},
    }


def of_exhausted(item: QueueItem, attempts: Sequence[Transaction], news: str = "") -> Context:
    """A refund that was given up, or of which there is other `news`. `attempts`: the first, then the retries."""
    customer = item.order.customer
    return {
        "customer": {**_customer(customer), "id": ids.show("cus", customer.id), "email": customer.email or ""},
        "order": _order(item.order),
        "refund": {
            "id": ids.show("rfq", item.id),
            "sale": ids.show("txn", item.sale_id),
            "amount": _money(item.amount, item.currency),
            "news": news,
        },
        "attempts": [_attempt(attempt) for attempt in attempts],
    }


def _customer(customer: Customer) -> Context:
    return {"name": customer.name, "first_name": customer.first_name or "", "last_name": customer.last_name or ""}


def _order(order: Order) -> Context:
    return {
        "id": ids.show("ord", order.id),
        "number": order.external_id or ids.show("ord", order.id),
        "placed_at": rfc3339(order.placed_at),
        "total": _money(order.total, order.currency),
    }


def _line(purchase: Purchase) -> Context:
    return {
        "name": _name(purchase),
        "quantity": purchase.quantity,
        "unit_price": _money(purchase.unit_price, purchase.currency),
        "price": _money(purchase.price, purchase.currency),
        "trial_price": _trial_price(purchase),
        "interval": purchase.interval,
        "trial_ends_on": _day(purchase.trial_ends_on),
        "next_bill_on": _day(purchase.next_bill_on),
    }


def _trial_price(purchase: Purchase) -> Context | None:
    """The price of the trial, if there is one."""
    if purchase.trial_ends_on is None or purchase.price_point is None:
        return None
    return _money(purchase.quantity * (purchase.price_point.trial_amount or 0), purchase.currency)


def _name(purchase: Purchase) -> str:
    if purchase.price_point is None:
        return purchase.description or ids.show("pur", purchase.id)
    option = purchase.price_point.option
    if option.code == "default":  # that of a product without variants
        return option.product.name
    return f"{option.product.name}, {option.name or option.code}"


def _attempt(attempt: Transaction) -> Context:
    return {
        "id": ids.show("txn", attempt.id),
        "at": rfc3339(attempt.created_at),
        "state": attempt.state.value,
        "reason": "" if attempt.reason == attempt.state.value else (attempt.reason or "").replace("_", " "),
        "message": attempt.message or "",
    }


def _money(amount: int, currency: str) -> Context:
    return {"amount": amount, "currency": currency}


def _day(day: date | None) -> str | None:
    return day.isoformat() if day else None
