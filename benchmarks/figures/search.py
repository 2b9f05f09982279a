"""How long the database takes for a search, next to the scan that a person would write."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Engine, text

from benchmarks import seed
from benchmarks.figure import Bench, Result, opened, waited_for
from csctl.app import App
from csctl.domain.fields import PERSON_OPTIONS
from csctl.domain.text import fold
from csctl.results import Paging
from csctl.services.views import customer_search

_SCAN = "SELECT id, first_name, last_name, email FROM customers WHERE {} ORDER BY created_at DESC, id DESC LIMIT 51"
_GOAL = "at most 25 ms"
Given = dict[str, Any]


def measure(bench: Bench) -> Iterator[Result]:
    number = bench.rows * 7 // 10
    first = fold(seed._common("first name", number, seed._names(seed.FIRST_NAMES)))
    last = fold(seed._common("last name", number, seed._names(seed.LAST_NAMES)))
    phone = f"{2_000_000 + seed._draw('phone', number, 8_000_000)}"
    with opened(bench, "customer search") as app:
        scans: tuple[tuple[str, Given, str, str], ...] = (
            ("a part of an email", {"email": (f"{number}@",)}, "lower(email) LIKE :word", f"%{number}@%"),
            ("the end of a phone number", {"phone": (phone[-6:],)}, "phone LIKE :word", f"%{phone[-6:]}"),
            ("a last name", {"last_name": (last,)}, "lower(last_name) LIKE :word", f"%{last}%"),
            ("a word without a match", {"query": ("zzzz",)}, "lower(first_name || last_name) LIKE :word", "%zzzz%"),
            ("two letters without a match", {"name": ("xq",)}, "lower(first_name || last_name) LIKE :word", "%xq%"),
            ("an IP address", {"ip": ("10.0.0.1",)}, "ip = :word", "10.0.0.1"),
        )
        for name, given, condition, word in scans:
            statement = _SCAN.format(condition)
            other = waited_for(app.engine, lambda statement=statement, word=word: _scan(app.engine, statement, word), 1)  # type: ignore[misc]
            ours = _customers(app, given)
            yield Result(f"customer search: {name}", ours, other, instead="SELECT … LIKE", goal=_GOAL)
        for name, given in _cases(number, first, last, phone).items():
            yield Result(f"customer search: {name}", _customers(app, given), goal=_GOAL)
    with opened(bench, "order search") as app:
        for name, given in _cases(number, first, last, phone).items():
            yield Result(f"order search: {name}", _waited(app, given, orders=True), goal=_GOAL)


def _cases(number: int, first: str, last: str, phone: str) -> dict[str, Given]:
    """Each field, and combinations of which one is common and another rare or common."""
    return {
        "first and last name as free text": {"query": (first, last)},
        "an email as free text": {"query": (f"{number}@",)},
        "a phone number as free text": {"query": (phone,)},
        "an id of another system": {"external_id": (f"C-{number}",)},
        "a common street": {"address": ("street",)},
        "a city": {"city": ("koln",)},
        "a region": {"region": ("westf",)},
        "a postal code": {"postal_code": ("59948",)},
        "a country": {"country": ("de",)},
        "the end of a card": {"card_last4": ("4242",)},
        "the beginning of a card": {"card_bin": ("4123",)},
        "an order": {"order_id": (number,)},
        "a transaction": {"transaction_id": (number,)},
        "a reference of the gateway": {"gateway_ref": (f"ref_{number}",)},
        "a tracking number": {"tracking": (f"TRK{number:09}",)},
        "a status": {"status": ("declined",)},
        "name and city": {"last_name": (last,), "city": ("koln",)},
        "card and city": {"card_last4": ("4242",), "city": ("lyon",)},
        "first name and status": {"first_name": (first,), "status": ("declined",)},
        "country and status": {"country": ("de",), "status": ("refunded",)},
        "email, city and status": {"email": ("example.net",), "city": ("koln",), "status": ("declined",)},
        "street and country": {"address": (f"{last} street 77",), "country": ("fr",)},
    }


def _customers(app: App, given: Given) -> float:
    return _waited(app, given, orders=False)


def _waited(app: App, given: Given, *, orders: bool) -> float:
    none = {"query": (), **dict.fromkeys(PERSON_OPTIONS, ())}
    search = customer_search.Search.of(**{**none, **given})
    found = customer_search.orders if orders else customer_search.customers
    return waited_for(app.engine, lambda: list(found(app, search, Paging(50))))


def _scan(engine: Engine, statement: str, word: str) -> list[Any]:
    with engine.connect() as connection:
        return list(connection.execute(text(statement), {"word": word}))
