"""The details of a customer as search fields."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from ipaddress import ip_address
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from csctl.domain import contact
from csctl.domain.text import digits, fold
from csctl.errors import Usage
from csctl.models import Customer
from csctl.services.views import search_texts
from csctl.services.views.search_narrowing import Criterion, unindexed
from csctl.services.views.search_texts import Alternatives, Field, Part

_Given = Mapping[str, tuple[str, ...]]


def texts(given: _Given, country: str | None) -> list[Alternatives]:
    """For each field that is a part of a text: any of its values. `country` is the shop's. Raises Usage."""
    by_field: dict[str, Callable[[str], Alternatives]] = {
        "name": lambda text: _every_word(search_texts.NAME, text),
        **{name: partial(_part, field) for name, field in search_texts.DETAILS.items()},
        "phone": lambda text: phone(text, country),
        "address": lambda text: _every_word(search_texts.ADDRESS, text),
        "city": lambda text: _part(search_texts.CITY, text),
        "region": lambda text: _part(search_texts.REGION, text),
        "postal_code": _postal_code,
    }
    return [
        [parts for value in values for parts in by_field[name](value)]
        for name, values in given.items()
        if values and name in by_field
    ]


def others(session: Session, given: _Given) -> list[Criterion]:
    """What is compared as a whole."""
    found = []
    if addresses := given.get("ip"):
        ip = Customer.ip.in_({form for text in addresses for form in (text, _plain_ip(text))})
        found.append(Criterion(ip, (select(Customer.id).where(ip),)))
    if countries := given.get("country"):
        found.append(_country(session, countries))
    return found


def phone(text: str, country: str | None) -> Alternatives:
    """However the number was written here or there: with its country, or without it and its leading zeros.

    Raises Usage.
    """
    try:
        read = digits(contact.phone_number(text, country)[0])
    except Usage:
        read = ""  # some phone numbers look like card numbers
    ways = {way for way in (read, digits(text).lstrip("0")) if way}
    if not ways:
        raise Usage(f"{text[:40]!r} is not part of a phone number", fix="write some of its digits")
    return [[Part(search_texts.PHONE, way)] for way in sorted(ways)]


def _part(field: Field, text: str) -> Alternatives:
    return [[Part(field, fold(text))]]


def _every_word(field: Field, text: str) -> Alternatives:
    return [[Part(field, fold(word)) for word in text.split()]]


def _postal_code(text: str) -> Alternatives:
    return [[Part(search_texts.POSTAL_CODE, re.sub(r"[ -]", "", text).lower())]]


def _plain_ip(text: str) -> str:
    try:
        return str(ip_address(text))
    except ValueError:
        return text


def _country(session: Session, texts: tuple[str, ...]) -> Criterion:
    """Countries are few: the spellings that occur are looked through here, where their names are known."""
    wanted = {_code(text) for text in texts}
    columns = [Customer.__table__.c[f"{kind}_country"] for kind in ("billing", "shipping")]
    spellings = {
        spelling for column in columns for spelling in _occurring(session, column) if _code(spelling) in wanted
    }
    return Criterion(
        or_(*(unindexed(column).in_(spellings) for column in columns)),
        tuple(select(Customer.id).where(column.in_(spellings)).order_by(column) for column in columns),
        common=True,
        texts=_at_the_end(spellings),
        by_index=or_(*(column.in_(spellings) for column in columns)),
    )


def _at_the_end(countries: set[str]) -> Alternatives:
    """What an address in one of these countries contains, if they are codes: it ends a line."""
    if not all(len(country) == 2 and country.isascii() and country.isalpha() for country in countries):
        return ()
    return [[Part(search_texts.ADDRESS, f"{country.lower()} ")] for country in sorted(countries)]


def _occurring(session: Session, column: ColumnElement[Any]) -> Sequence[str]:
    """The different values of a column, from one to the next by its index."""
    first = select(func.min(column).label("value")).cte("occurring", recursive=True)
    following = select(func.min(column)).where(column > first.c.value).scalar_subquery()
    every = first.union_all(select(following).where(first.c.value.is_not(None)))
    return session.scalars(select(every.c.value).where(every.c.value != "")).all()


def _code(country: str) -> str:
    try:
        return contact.country_code(country)
    except Usage:
        return fold(country)
