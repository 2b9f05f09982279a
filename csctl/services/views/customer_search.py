"""Find customers, and orders by the details of their customer: every field given must match.

Each condition is exact. So that few records are compared with them, an index is first asked for candidates
(`search_narrowing`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, and_, exists, or_, select, true
from sqlalchemy.orm import InstrumentedAttribute, Session, joinedload

from csctl.domain import ids
from csctl.domain.fields import PERSON_OPTIONS
from csctl.domain.text import accept
from csctl.errors import Usage
from csctl.models import Customer, Order
from csctl.results import Limit, Page, Row
from csctl.services.blacklist import matching as blacklist
from csctl.services.shared import listing
from csctl.services.views import customers as customer_rows
from csctl.services.views import orders as order_rows
from csctl.services.views import search_cards, search_orders, search_people, search_texts
from csctl.services.views.search_narrowing import Candidates, Criterion, candidates_by_text, has_row, narrowed
from csctl.services.views.search_query import Word, words_of
from csctl.services.views.search_texts import Alternatives

if TYPE_CHECKING:
    from csctl.app import App

Condition = ColumnElement[bool]

_MOST_MERGED, _NAMED = 1000, 3  # merged customers that are checked, and that notices name


@dataclass(frozen=True)
class Search:
    """The criteria: any of several values of one field, and all of several fields.

    `query` is free text, of which every word must match somewhere. `person` has values of PERSON_OPTIONS.
    """

    query: tuple[str, ...]
    person: Mapping[str, tuple[str, ...]]
    card_last4: tuple[str, ...] = ()
    card_bin: tuple[str, ...] = ()
    order_id: tuple[int, ...] = ()
    transaction_id: tuple[int, ...] = ()
    gateway_ref: tuple[str, ...] = ()
    tracking: tuple[str, ...] = ()
    external_id: tuple[str, ...] = ()
    status: tuple[str, ...] = ()
    since: str | None = None
    until: str | None = None

    @classmethod
    def of(cls, **given: Any) -> Search:
        """The search for the parameters of a command."""
        return cls(person={name: given.pop(name) for name in PERSON_OPTIONS}, **given)

    def checked(self) -> Search:
        """The same, trimmed. Raises Usage if nothing is given, or an invalid value."""
        others = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)[2:]}
        given = {**self.person, **others}
        words = tuple(word for text in self.query for word in _checked(text, "QUERY").split())
        texts = {
            name: tuple(_checked(text, f"--{name}") for text in values)
            for name, values in given.items()
            if isinstance(values, tuple) and all(isinstance(value, str) for value in values)
        }
        for name, values in texts.items():
            if not all(values):
                raise Usage(f"--{name.replace('_', '-')} is empty", fix="give it a value, or leave it out")
        if not words and not any(given.values()):
            raise Usage(
                "what are you looking for?", fix="csctl customer search jane doe, or an option such as --email jane"
            )
        return Search.of(**{**given, **texts, "query": words})


def customers(app: App, search: Search, limit: Limit) -> Page:
    """The customers that match, newest first. Raises Usage for an invalid search."""
    search = search.checked()
    country = app.shop.country
    with app.read() as session:
        texts = search_people.texts(search.person, country)
        words = words_of(session, search.query, "cus", country)
        criteria = [
            *_named(Customer.external_id, Customer.id, search.external_id),
            *search_people.others(session, search.person),
            *search_cards.of_customers(search.card_last4, search.card_bin),
            *(_of_their_orders(one) for one in _of_order(search)),
        ]
        by_word = [or_(search_texts.condition(word.texts), Customer.id.in_(word.customers)) for word in words]
        by_text = Candidates(
            Customer.id, candidates_by_text(session, _texts(texts, words), criteria), also=_named_by(words)
        )
        few = narrowed(session, _in_order([(one, _candidates(Customer.id, one)) for one in criteria], by_text))
    found = [
        *(one.condition for one in criteria if one.condition is not few.met),
        *(search_texts.condition(alternatives) for alternatives in texts),
        *by_word,
        *listing.between(app.clock, Customer.created_at, search.since, search.until),
    ]
    statement = select(Customer).where(Customer.merged_into_id.is_(None), *_or_merged(app, few.conditions, found))

    def rows(session: Session, customers: list[Customer]) -> list[Row]:
        return customer_rows.rows(session, customers, blacklist.matches(session, customers, country))

    at, number, walked = Customer.created_at, Customer.id, not few.conditions and not criteria
    return listing.newest_first(app, statement, at, number, rows, limit, select(Customer), walked=walked)


def _or_merged(app: App, few: list[Condition], found: list[Condition]) -> list[Condition]:
    """What was found, or a customer into whom one was merged that was found; a notice says which.

    `few` is a condition that those who are found meet, if there is one.
    """
    merged_ones = Customer.merged_into_id > 0  # said so, an index finds them
    theirs = select(Customer.id, Customer.merged_into_id).where(merged_ones, *few, *found)
    with app.read() as session:
        merged = session.execute(theirs.order_by(Customer.merged_into_id, Customer.id).limit(_MOST_MERGED)).all()
    for number, into in merged[:_NAMED]:
        app.notice(f"{ids.show('cus', number)} was merged into {ids.show('cus', into or 0)}.")
    if not merged:
        return [*few, *found]
    are_these = Customer.id.in_({into for _, into in merged})
    return [*(or_(one, are_these) for one in few), or_(and_(true(), *found), are_these)]


def orders(app: App, search: Search, limit: Limit) -> Page:
    """The orders that match, or whose customer does, newest first. Raises Usage for an invalid search."""
    search = search.checked()
    country = app.shop.country
    with app.read() as session:
        texts = search_people.texts(search.person, country)
        words = words_of(session, search.query, "ord", country)
        own = [
            *_named(Order.external_id, Order.id, search.external_id),
            *_of_order(search),
            *search_cards.of_orders(search.card_last4, search.card_bin),
        ]
        theirs = search_people.others(session, search.person)
        by_text = Candidates(
            Order.customer_id,
            candidates_by_text(session, _texts(texts, words), theirs),
            also=_named_by(words),
            besides=[Order.id.in_(word.orders) for word in words if word.orders],
        )
        candidates = [(one, _candidates(Order.id, one)) for one in own]
        candidates += [(one, _candidates(Order.customer_id, one)) for one in theirs]
        few = narrowed(session, _in_order(candidates, by_text))
    found = [
        *few.conditions,
        *(one.condition for one in own if one.condition is not few.met),
        *(_is_customers(one.condition) for one in theirs if one.condition is not few.met),
        *(_is_customers(search_texts.condition(alternatives)) for alternatives in texts),
        *(or_(_has_customer(word), *_names_order(word)) for word in words),
        *listing.between(app.clock, Order.placed_at, search.since, search.until),
    ]
    by_id = select(Order).options(joinedload(Order.customer))
    at, number, walked = Order.placed_at, Order.id, not few.conditions and not (own or theirs)
    return listing.newest_first(app, by_id.where(*found), at, number, order_rows.rows, limit, by_id, walked=walked)


def _checked(text: str, field: str) -> str:
    return accept(text, field.replace("_", "-"), reference=True)


def _texts(texts: list[Alternatives], words: list[Word]) -> list[Alternatives]:
    return [*texts, *(word.texts for word in words)]


def _named_by(words: list[Word]) -> frozenset[int]:
    return frozenset(number for word in words for number in word.customers)


def _of_order(search: Search) -> Iterator[Criterion]:
    return search_orders.criteria(
        search.order_id, search.transaction_id, search.gateway_ref, search.tracking, search.status
    )


def _named(
    external_id: InstrumentedAttribute[str | None], number: InstrumentedAttribute[int], names: tuple[str, ...]
) -> Iterator[Criterion]:
    if names:
        yield Criterion(external_id.in_(names), (select(number).where(external_id.in_(names)),))


def _candidates(column: InstrumentedAttribute[int], one: Criterion) -> Candidates:
    return Candidates(column, one.ids, one.condition)


def _in_order(criteria: list[tuple[Criterion, Candidates]], by_text: Candidates) -> list[Candidates]:
    """What finds few records first; what many records have last."""
    rare = [candidates for one, candidates in criteria if not one.common]
    common = [candidates for one, candidates in criteria if one.common]
    return [*rare, *([by_text] if by_text.ids else []), *common]


def _of_their_orders(one: Criterion) -> Criterion:
    """The customers who have such an order."""
    theirs = exists().where(Order.customer_id == Customer.id, one.condition)
    customers = tuple(found.with_only_columns(Order.customer_id, maintain_column_froms=True) for found in one.ids)
    return Criterion(theirs, customers, common=one.common)


def _is_customers(condition: Condition) -> Condition:
    """The orders of such customers."""
    return exists().where(Customer.id == Order.customer_id, condition)


def _has_customer(word: Word) -> Condition:
    return has_row(Customer.id == Order.customer_id, search_texts.condition(word.texts))


def _names_order(word: Word) -> list[Condition]:
    return [Order.customer_id.in_(word.customers), Order.id.in_(word.orders)]
