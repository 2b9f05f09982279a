"""Records to test with. Each function puts one into a shop's database, past csctl, and returns its id (`cus_12`).

Whatever is not given has a value that nothing depends on, and what a record needs and is not given is made too:
`make_sale(shop)` makes a customer with a payment method, an order with one purchase, and its settled sale.
Amounts are decimal strings; times are RFC 3339 strings or datetimes.
"""

from __future__ import annotations

import itertools
from datetime import date, datetime, timedelta
from typing import Any

from csctl.clock import parse_time
from csctl.domain import ids
from csctl.domain.addresses import Address
from csctl.domain.money import to_minor
from csctl.domain.states import FulfillmentStatus, Kind, OrderStatus, PurchaseStatus, Settlement, State
from csctl.gateways.sandbox.ledger import Lesson
from csctl.models import (
    Customer,
    Fulfillment,
    NotifyEmail,
    Order,
    PaymentMethod,
    PricePoint,
    Product,
    ProductOption,
    Purchase,
    Transaction,
)
from csctl.models.columns import Base
from tests.shops import Shop

HOME = Address("12 Elm Street", None, "Springfield", "IL", "62701", "US")
_count = itertools.count(1)
_APPROVED: dict[str, Any] = {"kind": Kind.SALE, "state": State.APPROVED, "gateway": "main"}


def make_customer(shop: Shop, **given: Any) -> str:
    """Jane Doe, with an email address of her own."""
    number = next(_count)
    values: dict[str, Any] = {
        "first_name": "Jane",
        "last_name": "Doe",
        "email": f"jane{number}@example.com",
        "phone": "+12175550100",
        "billing": HOME,
        "shipping": HOME,
        "created_at": shop.moment - timedelta(days=30),
        "updated_at": shop.moment - timedelta(days=30),
    }
    return _add(shop, "cus", Customer(**{**values, **_read(given)}))


def make_payment_method(
    shop: Shop, customer: str | None = None, token: str = "tok_ok", gateway: str = "main", **given: Any
) -> str:
    """A Visa card ending in 4242. What the sandbox does with it depends on the token."""
    values: dict[str, Any] = {
        "customer_id": number(customer or make_customer(shop)),
        "gateway": gateway,
        "token": token,
        "brand": "visa",
        "bin": "424242",
        "last4": "4242",
        "exp_month": 12,
        "exp_year": 2030,
        "is_default": True,
        "created_at": shop.moment - timedelta(days=30),
    }
    return _add(shop, "pm", PaymentMethod(**{**values, **_read(given)}))


def make_price(
    shop: Shop,
    code: str | None = None,
    amount: str = "19.99",
    currency: str = "USD",
    *,
    sku: str | None = None,
    option: str = "default",
    interval: str | None = None,
    trial_days: int | None = None,
    trial_amount: str | None = None,
    final_cycle: int | None = None,
) -> str:
    """A price point, of the product with this SKU and its option if there are such. Returns its code."""
    code = code or f"price-{next(_count)}"
    made_at = shop.moment - timedelta(days=60)
    with shop.session() as session:
        sku = sku or f"sku-{code}"
        product = session.query(Product).filter_by(sku=sku).one_or_none()
        product = product or Product(sku=sku, name=f"Product {sku}", created_at=made_at)
        found = next((o for o in product.options if o.code == option), None)
        found = found or ProductOption(product=product, code=option, name=option.title(), created_at=made_at)
        session.add(product)
        session.add(
            PricePoint(
                option=found,
                code=code,
                amount=to_minor(amount, currency),
                currency=currency,
                interval=interval,
                trial_days=trial_days,
                trial_amount=None if trial_amount is None else to_minor(trial_amount, currency),
                final_cycle=final_cycle,
                created_at=made_at,
            )
        )
    return code


def make_order(shop: Shop, customer: str | None = None, total: str = "19.99", **given: Any) -> str:
    """A complete order, placed two days ago, without purchases."""
    currency = given.pop("currency", "USD")
    values: dict[str, Any] = {
        "customer_id": number(customer or make_customer(shop)),
        "status": OrderStatus.COMPLETE,
        "currency": currency,
        "total": to_minor(total, currency),
        "billing": HOME,
        "shipping": HOME,
        "placed_at": shop.moment - timedelta(days=2),
    }
    return _add(shop, "ord", Order(**{**values, **_read(given)}))


def make_purchase(
    shop: Shop,
    order: str | None = None,
    unit_price: str = "19.99",
    quantity: int = 1,
    *,
    price: str | None = None,
    payment_method: str | None = None,
    **given: Any,
) -> str:
    """A one-off purchase; a subscription with `interval="month"`, `next_bill_on=` and `status="active"`.

    `price` is the code of a price point. Without an order one is made.
    """
    with shop.session() as session:
        point = session.query(PricePoint).filter_by(code=price).one() if price else None
        currency = given.pop("currency", point.currency if point else "USD")
    order = order or make_order(shop, total=unit_price, currency=currency)
    values: dict[str, Any] = {
        "order_id": number(order),
        "price_point_id": point.id if point else None,
        "payment_method_id": number(payment_method) if payment_method else None,
        "description": None if point else "A thing",
        "status": PurchaseStatus.COMPLETE,
        "quantity": quantity,
        "unit_price": to_minor(unit_price, currency),
        "price": quantity * to_minor(unit_price, currency),
        "currency": currency,
        "interval": point.interval if point else None,
        "created_at": shop.moment - timedelta(days=2),
    }
    return _add(shop, "pur", Purchase(**{**values, **_read(given)}))


def make_sale(
    shop: Shop,
    amount: str = "19.99",
    currency: str = "USD",
    token: str = "tok_ok",
    *,
    settled: bool = True,
    order: str | None = None,
    customer: str | None = None,
    purchase: str | None = None,
    payment_method: str | None = None,
    adopt: bool = True,
    **given: Any,
) -> str:
    """An approved sale that the sandbox knows (unless not `adopt`), paid with a card of this token.

    A settled one was made two days ago, an unsettled one half an hour ago. Without an order it gets one of its own,
    with one purchase; without a purchase it covers all of the order.
    """
    made = shop.moment - (timedelta(days=2) if settled else timedelta(minutes=30))
    order = order or _order_of_one(shop, customer, amount, currency, made)
    method = payment_method or make_payment_method(shop, customer_of(shop, order), token)
    values: dict[str, Any] = {
        "order_id": number(order),
        "purchase_id": number(purchase) if purchase else None,
        "payment_method_id": number(method),
        **_APPROVED,
        "amount": to_minor(amount, currency),
        "currency": currency,
        "gateway_ref": f"sale_{next(_count)}",
        "settlement": Settlement.SETTLED if settled else Settlement.UNSETTLED,
        "settled_at": made + timedelta(days=1) if settled else None,
        "created_at": made,
        "finished_at": made,
    }
    row = Transaction(**{**values, **_read(given)})
    sale = _add(shop, "txn", row)
    if adopt:
        _let_the_sandbox_know(shop, row, None if payment_method else token)
    return sale


def _order_of_one(shop: Shop, customer: str | None, amount: str, currency: str, placed_at: datetime) -> str:
    order = make_order(shop, customer, total=amount, currency=currency, placed_at=placed_at)
    make_purchase(shop, order, unit_price=amount, currency=currency)
    return order


def _let_the_sandbox_know(shop: Shop, row: Transaction, token: str | None) -> None:
    """Teach the sandbox this sale alone where its token is known; else have csctl do it."""
    if token and row.gateway == "main" and row.gateway_ref and row.state == State.APPROVED:
        kind = Kind(row.kind)
        shop.teach(Lesson(row.gateway_ref, kind, row.amount, row.currency, token, row.created_at, row.settled_at))
    else:
        shop.adopt()


def make_transaction(shop: Shop, kind: str, state: str, amount: str = "19.99", **given: Any) -> str:
    """Any row of the table of transactions, as it is given; `order`, `parent` and the like are ids."""
    currency = given.pop("currency", "USD")
    order = given.pop("order", None) or make_order(shop, total=amount, currency=currency)
    values: dict[str, Any] = {
        "order_id": number(order),
        "kind": Kind(kind),
        "state": State(state),
        "amount": to_minor(amount, currency),
        "currency": currency,
        "gateway": "main",
        "created_at": shop.moment - timedelta(hours=1),
    }
    return _add(shop, "txn", Transaction(**{**values, **_read(given)}))


def make_fulfillment(shop: Shop, order: str | None = None, status: str = "pending", **given: Any) -> str:
    """A shipment; `shipped` ones have a carrier and a tracking number."""
    shipped = status in ("shipped", "delivered", "returned")
    values: dict[str, Any] = {
        "order_id": number(order or make_order(shop)),
        "status": FulfillmentStatus(status),
        "carrier": "UPS" if shipped else None,
        "tracking": f"1Z{next(_count):09}" if shipped else None,
        "shipped_at": shop.moment - timedelta(days=1) if shipped else None,
        "created_at": shop.moment - timedelta(days=2),
    }
    return _add(shop, "ful", Fulfillment(**{**values, **_read(given)}))


def make_notify_email(shop: Shop, address: str = "finance@example.com") -> str:
    """One of the Notify Emails. Returns the address."""
    _add(shop, "eml", NotifyEmail(address=address, created_at=shop.moment))
    return address


def number(id: str) -> int:
    """12 of `cus_12`."""
    return int(id.rpartition("_")[2])


def customer_of(shop: Shop, order: str) -> str:
    """Whose order it is."""
    with shop.session() as session:
        return ids.show("cus", session.get_one(Order, number(order)).customer_id)


def _read(given: dict[str, Any]) -> dict[str, Any]:
    """What a test gave, as models take it: ids under the name of their column, words for times and days read."""
    return dict(_column(name, value) for name, value in given.items())


def _column(name: str, value: Any) -> tuple[str, Any]:
    if name in ("customer", "order", "purchase", "payment_method", "parent", "reship_of"):
        return f"{name}_id", number(value)
    if isinstance(value, str) and (name.endswith("_at") or name == "lease_until"):
        return name, parse_time(value)
    if isinstance(value, str) and (name.endswith("_on") or name == "paused_until"):
        return name, date.fromisoformat(value)
    return name, value


def _add(shop: Shop, prefix: str, record: Base) -> str:
    with shop.session() as session:
        session.add(record)
        session.flush()
        return ids.show(prefix, record.id)  # type: ignore[attr-defined]  # all tables of factories have one
