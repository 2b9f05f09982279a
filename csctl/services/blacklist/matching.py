"""Find the blacklist entries that match customers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from csctl.domain import ids
from csctl.domain.addresses import Address
from csctl.domain.blacklist import KINDS, Facts, address_keys, keys_of, within
from csctl.errors import NotPermitted
from csctl.models import BlacklistEntry, Customer, PaymentMethod


def matches(session: Session, customers: Sequence[Customer], country: str | None) -> dict[int, list[BlacklistEntry]]:
    """The entries that match each of these customers, by customer id; customers without a match are left out.

    `country` is the shop's: phone numbers without a country code belong to it.

    Runs two queries, however many customers there are.
    """
    known = facts(session, customers, country)
    keys = {fact.customer_id: keys_of(fact) for fact in known}
    wanted = {key for found in keys.values() for _, key in found}
    is_network = and_(BlacklistEntry.kind == "ip", BlacklistEntry.match_key.contains("/"))
    named = and_(BlacklistEntry.kind.in_(KINDS), BlacklistEntry.match_key.in_(wanted))
    entries = session.scalars(select(BlacklistEntry).where(or_(is_network, named)).order_by(BlacklistEntry.id)).all()
    return {
        fact.customer_id: meant
        for fact in known
        if (meant := [entry for entry in entries if means(entry, keys[fact.customer_id], fact.ip)])
    }


def of_addresses(session: Session, addresses: Iterable[Address]) -> Sequence[BlacklistEntry]:
    """The entries that match one of these addresses, for any resident."""
    at = and_(BlacklistEntry.kind == "address", BlacklistEntry.match_key.in_(address_keys(addresses)))
    return session.scalars(select(BlacklistEntry).where(at).order_by(BlacklistEntry.id)).all()


def means(entry: BlacklistEntry, keys: set[tuple[str, str]], ip: str | None) -> bool:
    """Whether an entry matches a person with these keys and this IP address."""
    if entry.kind == "ip" and "/" in entry.match_key:
        return within(ip, entry.match_key)
    return (entry.kind, entry.match_key) in keys


def refusal(customer: Customer, entries: Sequence[BlacklistEntry]) -> NotPermitted | None:
    """Why a customer with these matching entries is not charged; None without entries."""
    if not entries:
        return None
    name = ids.show("cus", customer.id)
    return NotPermitted(
        f"{name} is blacklisted",
        cause=", ".join(f"{ids.show('bli', entry.id)} ({entry.kind}): {entry.reason}" for entry in entries),
        fix=f"csctl blacklist check --customer {name}",
    )


def of_customer(
    session: Session, customer: Customer, addresses: Iterable[Address | None], country: str | None
) -> Sequence[BlacklistEntry]:
    """The entries that match a customer; if there are none, those that match one of the order's `addresses`."""
    found = matches(session, [customer], country).get(customer.id, [])
    return found or of_other_addresses(session, customer, addresses)


def of_other_addresses(
    session: Session, customer: Customer, addresses: Iterable[Address | None]
) -> Sequence[BlacklistEntry]:
    """The entries that match an address of an order, where that is not one of the customer's own."""
    own = (None, customer.billing, customer.shipping)
    others = [address for address in addresses if address not in own]
    return of_addresses(session, [one for one in others if one]) if others else ()


def facts(session: Session, customers: Sequence[Customer], country: str | None) -> list[Facts]:
    """The details of these customers that an entry may match, in one query."""
    cards: dict[int, list[tuple[str, str]]] = defaultdict(list)
    of_these = PaymentMethod.customer_id.in_([customer.id for customer in customers])
    for owner, bin_, last4 in session.execute(
        select(PaymentMethod.customer_id, PaymentMethod.bin, PaymentMethod.last4).where(of_these)
    ):
        if bin_ and last4:
            cards[owner].append((bin_, last4))
    return [
        Facts(
            customer_id=customer.id,
            email=customer.email,
            phone=customer.phone,
            ip=customer.ip,
            cards=tuple(cards[customer.id]),
            addresses=tuple(address for address in (customer.billing, customer.shipping) if address),
            country=country,
        )
        for customer in customers
    ]
