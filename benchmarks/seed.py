"""A shop of any size, always the same one for the same number of customers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, cast
from zlib import crc32

from sqlalchemy import Engine, Table

from benchmarks import bulk
from csctl import models, search_index
from csctl.domain.addresses import ADDRESS_FIELDS, Address
from csctl.domain.states import (
    FulfillmentStatus,
    ItemState,
    Kind,
    OrderStatus,
    PurchaseStatus,
    Settlement,
    State,
)
from csctl.domain.text import fold
from csctl.models.customer import search_columns

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
FIVE_YEARS = 5 * 365 * 86_400
FIRST_NAMES, LAST_NAMES = 1_000, 10_000
_ONSETS = [
    "b",
    "br",
    "c",
    "ch",
    "d",
    "f",
    "g",
    "gr",
    "h",
    "j",
    "k",
    "kl",
    "l",
    "m",
    "n",
    "p",
    "r",
    "s",
    "sch",
    "st",
    "t",
    "v",
    "w",
    "z",
]
_VOWELS = ["a", "a", "e", "e", "i", "o", "u", "ü", "ö", "é"]
_CODAS = ["l", "n", "r", "s", "t", "ck", "nd", "rt", "ng", "mann", "son", "ini", "ez", "ov", "ski", "y", "er"]
_DOMAINS = ("example.com", "example.net", "mail.example.org", "shop.example")
_CITIES = [
    ("Springfield", "IL", "US"),
    ("Köln", "Nordrhein-Westfalen", "DE"),
    ("Lyon", "Rhône", "FR"),
    ("Leeds", "West Yorkshire", "GB"),
    ("Portland", "OR", "US"),
    ("San José", "CA", "US"),
]
_STATUSES = [OrderStatus.COMPLETE] * 17 + [OrderStatus.CANCELLED, OrderStatus.DECLINED, OrderStatus.REFUNDED]


@dataclass(frozen=True)
class Size:
    """How much of everything a shop with so many customers has."""

    customers: int

    @property
    def orders(self) -> int:
        return self.customers * 3 // 2


def fill(engine: Engine, customers: int, *, queued: int = 0) -> None:
    """Customers with a payment method each, 1.5 orders, and of each order a purchase, a sale and a fulfillment.

    Two thirds of the orders that are paid have a partial refund. `queued` sales have a refund in the queue, due.
    """
    size = Size(customers)
    with engine.begin() as connection:
        search_index.drop(connection)
    with bulk.loading(engine) as cursor:

        def write(model: type[models.Base], rows: Iterator[bulk.Row]) -> None:
            bulk.write(cursor, engine, cast(Table, model.__table__), rows)

        write(models.Customer, _customers(size))
        write(models.PaymentMethod, _payment_methods(size))
        write(models.Order, _orders(size))
        write(models.Purchase, _purchases(size))
        write(models.Transaction, _transactions(size, queued))
        write(models.Fulfillment, _fulfillments(size))
        if queued:
            write(models.Transaction, _failed_refunds(size, queued))
            write(models.QueueItem, _queue_items(size, queued))
    with engine.begin() as connection:
        search_index.build(connection)


def _draw(what: str, number: int, below: int) -> int:
    """A number below `below`, always the same for `what` of this record."""
    return crc32(f"{what} {number}".encode()) % below


_folded = cache(fold)


@cache
def _names(count: int) -> list[str]:
    """Names of two syllables or three; the first of them are the common ones."""
    found: dict[str, None] = {}
    for number in range(1_000_000):
        syllables = [
            _ONSETS[_draw(f"onset {place}", number, len(_ONSETS))]
            + _VOWELS[_draw(f"vowel {place}", number, len(_VOWELS))]
            for place in range(1 + _draw("syllables", number, 2))
        ]
        found["".join([*syllables, _CODAS[_draw("coda", number, len(_CODAS))]]).capitalize()] = None
        if len(found) == count:
            break
    return list(found)


def _common(what: str, number: int, names: list[str]) -> str:
    """A name, the first ones far more often than the last ones."""
    return names[int(len(names) * (_draw(what, number, 1_000_000) / 1_000_000) ** 3)]


def _address(customer: int) -> Address:
    city, region, country = _CITIES[_draw("city", customer, len(_CITIES))]
    line1 = f"{_draw('house', customer, 999)} {_common('street', customer, _names(LAST_NAMES))} Street"
    return Address(line1, None, city, region, f"{10_000 + _draw('postal code', customer, 90_000)}", country)


def _address_columns(prefix: str, address: Address) -> dict[str, str | None]:
    return {f"{prefix}_{name}": getattr(address, name) for name in ADDRESS_FIELDS}


def _customers(size: Size) -> Iterator[bulk.Row]:
    for number in range(1, size.customers + 1):
        first = _common("first name", number, _names(FIRST_NAMES))
        last = _common("last name", number, _names(LAST_NAMES))
        home = _address(number)
        email = f"{_folded(first)}.{_folded(last)}{number}@{_DOMAINS[_draw('domain', number, len(_DOMAINS))]}"
        phone = f"+1212{2_000_000 + _draw('phone', number, 8_000_000)}"
        made = NOW - timedelta(seconds=_draw("made", number, FIVE_YEARS))
        yield {
            "id": number,
            "external_id": f"C-{number}",
            "first_name": first,
            "last_name": last,
            "email": email,
            "phone": phone,
            "ip": f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}",
            **_address_columns("billing", home),
            **search_columns(first_name=first, last_name=last, email=email, phone=phone, billing=home, shipping=None),
            "created_at": made,
            "updated_at": NOW,
            "version": 1,
        }


def _payment_methods(size: Size) -> Iterator[bulk.Row]:
    for number in range(1, size.customers + 1):
        yield {
            "id": number,
            "external_id": f"M-{number}",
            "customer_id": number,
            "gateway": "main",
            "token": "tok_ok",
            "brand": "visa",
            "bin": f"4{10_000 + _draw('bin', number, 90_000)}",
            "last4": f"{_draw('last4', number, 10_000):04}",
            "exp_month": 12,
            "exp_year": 2030,
            "is_default": True,
            "created_at": NOW,
        }


@dataclass(frozen=True)
class _Checkout:
    """What the rows of one order have in common."""

    number: int
    customer: int
    status: OrderStatus
    amount: int
    placed_at: datetime

    @property
    def paid(self) -> bool:
        return self.status is not OrderStatus.DECLINED

    @property
    def refunded(self) -> int:
        """What was returned of it, in minor units."""
        if self.status is OrderStatus.REFUNDED:
            return self.amount
        return self.amount // 2 if self.paid and self.number % 3 else 0


def _checkouts(size: Size) -> Iterator[_Checkout]:
    for number in range(1, size.orders + 1):
        customer = number if number <= size.customers else 1 + _draw("customer", number, size.customers)
        status = _STATUSES[_draw("status", number, len(_STATUSES))]
        placed = NOW - timedelta(days=3, seconds=_draw("placed", number, FIVE_YEARS))
        yield _Checkout(number, customer, status, 500 + _draw("amount", number, 20_000), placed)


def _orders(size: Size) -> Iterator[bulk.Row]:
    for order in _checkouts(size):
        home = _address(order.customer)
        yield {
            "id": order.number,
            "external_id": f"O-{order.number}",
            "customer_id": order.customer,
            "status": order.status,
            "currency": "USD",
            "total": order.amount,
            **_address_columns("billing", home),
            **_address_columns("shipping", home),
            "placed_at": order.placed_at,
        }


def _purchases(size: Size) -> Iterator[bulk.Row]:
    for order in _checkouts(size):
        yield {
            "id": order.number,
            "external_id": f"P-{order.number}",
            "order_id": order.number,
            "description": "Tea",
            "status": PurchaseStatus.COMPLETE,
            "quantity": 1,
            "unit_price": order.amount,
            "price": order.amount,
            "checkout_amount": order.amount,
            "currency": "USD",
            "created_at": order.placed_at,
            "version": 1,
        }


def _operation(order: _Checkout, number: int, kind: Kind, state: State, amount: int) -> dict[str, Any]:
    return {
        "id": number,
        "external_id": f"T-{number}",
        "order_id": order.number,
        "payment_method_id": order.customer,
        "kind": kind,
        "state": state,
        "amount": amount,
        "currency": "USD",
        "gateway": "main",
        "gateway_ref": f"ref_{number}",
        "created_at": order.placed_at,
        "sent_at": order.placed_at,
        "finished_at": order.placed_at,
    }


def _transactions(size: Size, queued: int) -> Iterator[bulk.Row]:
    """The sale of order 7 is transaction 7; refunds come after all sales."""
    open_ones = set(_with_queued_refund(size, queued))
    for order in _checkouts(size):
        state = State.APPROVED if order.paid else State.DECLINED
        settled = {"settlement": Settlement.SETTLED, "settled_at": order.placed_at} if order.paid else {}
        yield {
            **_operation(order, order.number, Kind.SALE, state, order.amount),
            "parent_id": None,
            "settlement": settled.get("settlement"),
            "settled_at": settled.get("settled_at"),
            "refunded": order.refunded,
            "reserved": order.amount - order.refunded if order.number in open_ones else 0,
        }
    number = size.orders
    for order in _checkouts(size):
        if order.refunded:
            number += 1
            yield {
                **_operation(order, number, Kind.REFUND, State.APPROVED, order.refunded),
                "parent_id": order.number,
                "settlement": None,
                "settled_at": None,
                "refunded": 0,
                "reserved": 0,
            }


def _fulfillments(size: Size) -> Iterator[bulk.Row]:
    for order in _checkouts(size):
        yield {
            "id": order.number,
            "external_id": f"F-{order.number}",
            "order_id": order.number,
            "status": FulfillmentStatus.SHIPPED,
            "carrier": "DHL",
            "tracking": f"TRK{order.number:09}",
            "shipped_at": order.placed_at,
            "created_at": NOW,
        }


def _with_queued_refund(size: Size, queued: int) -> dict[int, _Checkout]:
    found: dict[int, _Checkout] = {}
    for order in _checkouts(size):
        if len(found) == queued:
            break
        if order.paid and order.refunded < order.amount:
            found[order.number] = order
    return found


def _failed_refunds(size: Size, queued: int) -> Iterator[bulk.Row]:
    for place, order in enumerate(_with_queued_refund(size, queued).values(), 1):
        number = 4 * size.orders + place
        operation = _operation(order, number, Kind.REFUND, State.DECLINED, order.amount - order.refunded)
        yield {**operation, "gateway_ref": None, "parent_id": order.number}


def _queue_items(size: Size, queued: int) -> Iterator[bulk.Row]:
    for place, order in enumerate(_with_queued_refund(size, queued).values(), 1):
        yield {
            "id": place,
            "sale_id": order.number,
            "origin_id": 4 * size.orders + place,
            "order_id": order.number,
            "customer_id": order.customer,
            "amount": order.amount - order.refunded,
            "currency": "USD",
            "state": ItemState.QUEUED,
            "next_attempt_on": NOW.date(),
            "last_reason": "declined",
            "created_at": NOW - timedelta(days=1),
        }
