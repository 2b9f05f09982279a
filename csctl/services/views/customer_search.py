"""Find customers, and orders by the details of their customer: every field given must match."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Select, and_, exists, false, func, or_, select, union
from sqlalchemy.orm import InstrumentedAttribute, Session, joinedload

from csctl.domain import contact, ids
from csctl.domain.fields import PERSON_OPTIONS
from csctl.domain.states import OrderStatus, PurchaseStatus
from csctl.domain.text import accept, digits, fold
from csctl.errors import Usage
from csctl.models import Customer, Fulfillment, Order, PaymentMethod, Purchase, QueueItem, Transaction
from csctl.models.customer import folded_columns
from csctl.results import Limit, Page
from csctl.services.shared import filters, listing
from csctl.services.views import customers as customer_rows
from csctl.services.views import orders as order_rows

if TYPE_CHECKING:
    from csctl.app import App

Condition = ColumnElement[bool]

_PHONE = re.compile(r"[+(]?[0-9][0-9 ()./+-]*", re.ASCII)
_MOST_MERGED, _TOLD = 1000, 3  # merged customers that are checked, and that notices name
_FEWEST_DIGITS = 4  # digits of a phone number within QUERY: fewer are more likely a house number
_ID = re.compile(r"(?:([a-z]{2,3})_)?([0-9]{1,18})", re.ASCII)


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
    with app.read() as session:
        found = [*_of_person(session, app, search), *(_has_card(Customer.id, search))]
    found += [_has_order(condition) for condition in _of_order(search)]
    found += [or_(person, _has_order(order)) for person, order in _query(app, search, "cus")]
    found += listing.between(app.clock, Customer.created_at, search.since, search.until)
    found += filters.any_of(Customer.external_id, search.external_id)
    statement = select(Customer).where(Customer.merged_into_id.is_(None), _or_merged(app, found))

    def rows(session: Session, customers: list[Customer]) -> list[dict[str, Any]]:
        return customer_rows.rows(session, customers, app.shop.country)

    return listing.newest_first(app, statement, Customer.created_at, Customer.id, rows, limit)


def _or_merged(app: App, found: list[Condition]) -> Condition:
    """The matching customers, and the customers into whom a matching one was merged; a notice says which."""
    theirs = select(Customer.id, Customer.merged_into_id).where(Customer.merged_into_id.is_not(None), *found)
    with app.read() as session:
        merged = session.execute(theirs.order_by(Customer.id).limit(_MOST_MERGED)).all()
    for number, into in merged[:_TOLD]:
        app.notice(f"{ids.show('cus', number)} was merged into {ids.show('cus', into or 0)}.")
    return or_(and_(*found), Customer.id.in_({into for _, into in merged})) if merged else and_(*found)


def orders(app: App, search: Search, limit: Limit) -> Page:
    """The orders that match, or whose customer does, newest first. Raises Usage for an invalid search."""
    search = search.checked()
    with app.read() as session:
        found = [_is_customers(condition) for condition in _of_person(session, app, search)]
    found += _of_order(search)
    found += _paid_by_card(search)
    found += [or_(_is_customers(person), order) for person, order in _query(app, search, "ord")]
    found += listing.between(app.clock, Order.placed_at, search.since, search.until)
    found += filters.any_of(Order.external_id, search.external_id)
    statement = select(Order).where(*found).options(joinedload(Order.customer))
    return listing.newest_first(app, statement, Order.placed_at, Order.id, order_rows.rows, limit)


def _checked(text: str, field: str) -> str:
    return accept(text, field.replace("_", "-"), reference=True)


def _has_order(condition: Condition) -> Condition:
    return Customer.id.in_(select(Order.customer_id).where(condition))


def _is_customers(condition: Condition) -> Condition:
    return Order.customer_id.in_(select(Customer.id).where(condition))


# -- details of a person


def _of_person(session: Session, app: App, search: Search) -> list[Condition]:
    by_text: dict[str, Callable[[str], Condition]] = {
        "name": lambda text: and_(*(_named(word) for word in text.split())),
        **{name: partial(_contains, column) for name, column in folded_columns().items()},
        "phone": lambda text: _phone(text, app.shop.country),
        "address": lambda text: and_(*(_contains(Customer.folded_address, word) for word in text.split())),
        "city": lambda text: _contains(Customer.folded_city, text),
        "region": lambda text: _spelled(session, "region", lambda known: fold(text) in fold(known)),
        "postal_code": _postal_code,
        "country": lambda text: _spelled(session, "country", _same_country(text)),
        "ip": lambda text: Customer.ip.in_({text, _plain_ip(text)}),
    }
    return [or_(*(by_text[name](text) for text in texts)) for name, texts in search.person.items() if texts]


def _contains(column: InstrumentedAttribute[str], text: str) -> Condition:
    folded = fold(text)
    return column.contains(folded, autoescape=True) if folded else false()


def _named(word: str) -> Condition:
    return or_(_contains(Customer.folded_first_name, word), _contains(Customer.folded_last_name, word))


def _phone(text: str, country: str | None) -> Condition:
    """Match a number in any form: with its country code, or without it and its leading zeros."""
    try:
        read = digits(contact.phone_number(text, country)[0])
    except Usage:
        read = ""  # some phone numbers look like card numbers
    ways = {way for way in (read, digits(text).lstrip("0")) if way}
    if not ways:
        raise Usage(f"{text[:40]!r} is not part of a phone number", fix="write some of its digits")
    return or_(*(Customer.phone_digits.contains(way, autoescape=True) for way in sorted(ways)))


def _address_columns(name: str) -> list[ColumnElement[str | None]]:
    return [Customer.__table__.c[f"billing_{name}"], Customer.__table__.c[f"shipping_{name}"]]


def _spelled(session: Session, name: str, accepts: Callable[[str], bool]) -> Condition:
    """Match a region or country: the few spellings in the database are compared here, without accents."""
    billing, shipping = _address_columns(name)
    known = session.scalars(union(select(billing), select(shipping)))
    spellings = [spelling for spelling in known if spelling and accepts(spelling)]
    return or_(billing.in_(spellings), shipping.in_(spellings))


def _same_country(text: str) -> Callable[[str], bool]:
    def code(country: str) -> str:
        try:
            return contact.country_code(country)
        except Usage:
            return fold(country)

    wanted = code(text)
    return lambda known: code(known) == wanted


def _postal_code(text: str) -> Condition:
    wanted = re.sub(r"[ -]", "", text).lower()

    def plain(column: ColumnElement[str | None]) -> ColumnElement[str]:
        return func.replace(func.replace(func.lower(column), " ", ""), "-", "")

    return or_(*(plain(column).contains(wanted, autoescape=True) for column in _address_columns("postal_code")))


def _plain_ip(text: str) -> str:
    try:
        return str(ip_address(text))
    except ValueError:
        return text


# -- cards


def _card(search: Search) -> Condition | None:
    found: list[Condition] = []
    if search.card_last4:
        found.append(PaymentMethod.last4.in_([_card_digits(text, "--card-last4", 4, 4) for text in search.card_last4]))
    if search.card_bin:
        bins = [_card_digits(text, "--card-bin", 4, 8) for text in search.card_bin]
        found.append(or_(*(PaymentMethod.bin.startswith(bin_) | (PaymentMethod.bin == bin_[:6]) for bin_ in bins)))
    return and_(*found) if found else None


def _card_digits(text: str, option: str, fewest: int, most: int) -> str:
    if digits(text) != text or not fewest <= len(text) <= most:
        raise Usage(
            f"{option} takes {fewest if fewest == most else f'{fewest} to {most}'} digits",
            cause="csctl knows the first digits and the last four of a card, and nothing between",
        )
    return text


def _has_card(customer_id: InstrumentedAttribute[int], search: Search) -> list[Condition]:
    card = _card(search)
    return [] if card is None else [customer_id.in_(select(PaymentMethod.customer_id).where(card))]


def _paid_by_card(search: Search) -> list[Condition]:
    """The orders that such a card paid; for an order without a recorded card, those of customers who have the card."""
    card = _card(search)
    if card is None:
        return []
    paying = select(Transaction.order_id).join(PaymentMethod, PaymentMethod.id == Transaction.payment_method_id)
    says = exists().where(Transaction.order_id == Order.id, Transaction.payment_method_id.is_not(None))
    return [or_(Order.id.in_(paying.where(card)), and_(~says, *_has_card(Order.customer_id, search)))]


# -- details of an order


def _of_order(search: Search) -> list[Condition]:
    found: list[Condition] = []
    found += filters.any_of(Order.id, search.order_id)
    if search.transaction_id:
        found.append(_has_transaction(Transaction.id.in_(search.transaction_id)))
    if search.gateway_ref:
        found.append(_has_transaction(Transaction.gateway_ref.in_(search.gateway_ref)))
    if search.tracking:
        found.append(Order.id.in_(select(Fulfillment.order_id).where(Fulfillment.tracking.in_(search.tracking))))
    if search.status:
        found.append(or_(*(_has_status(status) for status in search.status)))
    return found


def _has_transaction(condition: Condition) -> Condition:
    return Order.id.in_(select(Transaction.order_id).where(condition))


def _has_status(status: str) -> Condition:
    either: list[Condition] = []
    if status in set(OrderStatus):
        either.append(Order.status == OrderStatus(status))
    if status in set(PurchaseStatus):
        either.append(Order.id.in_(select(Purchase.order_id).where(Purchase.status == PurchaseStatus(status))))
    return or_(*either)


# -- free text


def _query(app: App, search: Search, noun: str) -> Iterator[tuple[Condition, Condition]]:
    """For each word the condition on customers, and the one on orders. `noun` is the kind that a bare number names."""
    whole = " ".join(search.query)
    if len(search.query) > 1 and _is_phone(whole):
        yield _phone(whole, app.shop.country), false()
        return
    for word in search.query:
        texts = (*folded_columns().values(), Customer.folded_address)
        person = [_contains(column, word) for column in texts]
        if _is_phone(word):
            person.append(_phone(word, app.shop.country))
        person += _ids_of_customer(word, noun)
        yield or_(*person), or_(false(), *_ids_of_order(word, noun))


def _is_phone(text: str) -> bool:
    return bool(_PHONE.fullmatch(text)) and len(digits(text)) >= _FEWEST_DIGITS


def _ids_of_customer(word: str, noun: str) -> Iterator[Condition]:
    """A number names a record of this kind; a word with letters may be an id of any kind."""
    prefix, number = _id(word, noun)
    if noun == "cus" or not word.isdecimal():
        yield Customer.external_id == word
    if prefix == "cus":
        yield Customer.id == number
    if prefix == "pm":
        yield Customer.id.in_(select(PaymentMethod.customer_id).where(PaymentMethod.id == number))


def _ids_of_order(word: str, noun: str) -> Iterator[Condition]:
    prefix, number = _id(word, noun)
    if noun == "ord" or not word.isdecimal():
        yield Order.external_id == word
        yield _has_transaction(Transaction.external_id == word)
    holders: dict[str, Select[int]] = {
        "pur": select(Purchase.order_id).where(Purchase.id == number),
        "txn": select(Transaction.order_id).where(Transaction.id == number),
        "ful": select(Fulfillment.order_id).where(Fulfillment.id == number),
        "rfq": select(QueueItem.order_id).where(QueueItem.id == number),
    }
    if prefix == "ord":
        yield Order.id == number
    if prefix in holders:
        yield Order.id.in_(holders[prefix])


def _id(word: str, noun: str) -> tuple[str | None, int]:
    match = _ID.fullmatch(word)
    if not match or (match[1] and match[1] not in ids.PREFIXES):
        return None, 0
    return match[1] or noun, int(match[2])
