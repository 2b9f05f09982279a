"""Free text: each of its words may be a part of a name, an address or a number, or name a record."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Select, literal, select, union_all
from sqlalchemy.orm import Session

from csctl.domain import ids
from csctl.domain.text import digits, fold
from csctl.models import Customer, Fulfillment, Order, PaymentMethod, Purchase, QueueItem, Transaction
from csctl.services.views import search_people, search_texts
from csctl.services.views.search_texts import Alternatives, Part

_PHONE = re.compile(r"[+(]?[0-9][0-9 ()./+-]*", re.ASCII)
_FEWEST_DIGITS = 4  # of a phone number within QUERY: fewer are rather a house number
_ID = re.compile(r"(?:([a-z]{2,3})_)?([0-9]{1,18})", re.ASCII)


@dataclass(frozen=True)
class Word:
    """What matches a word: a customer with such a text, one of these customers, or one of these orders."""

    texts: Alternatives
    customers: frozenset[int] = frozenset()
    orders: frozenset[int] = frozenset()


def words_of(session: Session, query: Sequence[str], noun: str, country: str | None) -> list[Word]:
    """The words of QUERY. `noun` is what a bare number names, `country` the shop's. Runs one query for all of them."""
    whole = " ".join(query)
    if len(query) > 1 and _is_phone(whole):
        return [Word(search_people.phone(whole, country))]
    named = _named(session, query, noun)
    return [
        Word(
            _texts(word, country),
            frozenset(number for place, kind, number in named if place == at and kind == "cus"),
            frozenset(number for place, kind, number in named if place == at and kind == "ord"),
        )
        for at, word in enumerate(query)
    ]


def _texts(word: str, country: str | None) -> Alternatives:
    phone = search_people.phone(word, country) if _is_phone(word) else ()
    return [[Part(search_texts.ANYWHERE, fold(word))], *phone]


def _is_phone(text: str) -> bool:
    return bool(_PHONE.fullmatch(text)) and len(digits(text)) >= _FEWEST_DIGITS


def _named(session: Session, query: Sequence[str], noun: str) -> list[tuple[int, str, int]]:
    """The records that words name: the place of the word, `cus` or `ord`, and the number."""
    selects = [
        statement.add_columns(literal(kind), literal(place))
        for place, word in enumerate(query)
        for kind, statements in (("cus", _customers(word, noun)), (noun, _orders_for(word, noun)))
        for statement in statements
    ]
    if not selects:
        return []
    return [(place, kind, number) for number, kind, place in session.execute(union_all(*selects))]


def _customers(word: str, noun: str) -> Iterator[Select[int]]:
    """A number names a record of the kind that is looked for; a word with letters may be the id of any."""
    prefix, number = _id(word, noun)
    if noun == "cus" or not word.isdecimal():
        yield select(Customer.id).where(Customer.external_id == word)
    if prefix == "cus":
        yield select(Customer.id).where(Customer.id == number)
    if prefix == "pm":
        yield select(PaymentMethod.customer_id).where(PaymentMethod.id == number)


def _orders_for(word: str, noun: str) -> Iterator[Select[int]]:
    """The orders that a word names, or their customers, if those are looked for."""
    for orders in _orders(word, noun):
        yield orders if noun == "ord" else select(Order.customer_id).where(Order.id.in_(orders))


def _orders(word: str, noun: str) -> Iterator[Select[int]]:
    prefix, number = _id(word, noun)
    if noun == "ord" or not word.isdecimal():
        yield select(Order.id).where(Order.external_id == word)
        yield select(Transaction.order_id).where(Transaction.external_id == word)
    if word.isdecimal() and len(word) >= _FEWEST_DIGITS:
        yield select(Order.id).where(Order.external_id == f"#{word}")  # as a caller says it
    holders: dict[str, Select[int]] = {
        "ord": select(Order.id).where(Order.id == number),
        "pur": select(Purchase.order_id).where(Purchase.id == number),
        "txn": select(Transaction.order_id).where(Transaction.id == number),
        "ful": select(Fulfillment.order_id).where(Fulfillment.id == number),
        "rfq": select(QueueItem.order_id).where(QueueItem.id == number),
    }
    if prefix in holders:
        yield holders[prefix]


def _id(word: str, noun: str) -> tuple[str | None, int]:
    match = _ID.fullmatch(word)
    if not match or (match[1] and match[1] not in ids.PREFIXES):
        return None, 0
    return match[1] or noun, int(match[2])
