"""Match blacklist entries with customers (domain rules, section 7).

The details of a customer and the value of an entry are normalized to the same form, and compared as keys.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from itertools import combinations, product

from csctl.domain import contact, ids
from csctl.domain.addresses import Address
from csctl.domain.text import digits, fold
from csctl.errors import Usage

KINDS = ("customer", "email", "phone", "ip", "card", "address")
Key = tuple[str, str]  # kind, and the normalized value

_CARD = re.compile(r"(\d{6,8})[ .*x…•:/-]+(\d{4})|(\d{6})(\d{4})", re.ASCII | re.IGNORECASE)
_ANY_AT_DOMAIN = re.compile(r"\*@([^@\s]+\.[^@\s]+)")
_SHORT = {
    "street": "st", "str": "st", "strasse": "st", "saint": "st", "avenue": "ave", "av": "ave", "road": "rd",
    "boulevard": "blvd", "drive": "dr", "lane": "ln", "court": "ct", "place": "pl", "square": "sq", "terrace": "ter",
    "highway": "hwy", "parkway": "pkwy", "building": "bldg", "floor": "fl", "mount": "mt", "fort": "ft",
    "north": "n", "south": "s", "east": "e", "west": "w", "northeast": "ne", "northwest": "nw", "southeast": "se",
    "southwest": "sw", "usa": "us", "uk": "gb", "circle": "cir", "first": "1st", "second": "2nd", "third": "3rd",
    "fourth": "4th", "fifth": "5th", "sixth": "6th", "seventh": "7th", "eighth": "8th", "ninth": "9th", "tenth": "10th",
}  # fmt: skip
_NUMBER = re.compile(r"[0-9]+[a-z]?", re.ASCII)
_SAYS_NOTHING = {"apartment", "apt", "unit", "suite", "ste", "number", "no", "nr", "room", "rm"}


@dataclass(frozen=True)
class Facts:
    """The details of a customer. `cards` are pairs of BIN and last four digits; `country` is for phone numbers without
    a country code.
    """

    customer_id: int
    email: str | None = None
    phone: str | None = None
    ip: str | None = None
    cards: tuple[tuple[str, str], ...] = ()
    addresses: tuple[Address, ...] = ()
    country: str | None = None


def keys_of(facts: Facts) -> set[Key]:
    """The keys of all entries that match this customer, except networks: see `within`."""
    keys = {("customer", str(facts.customer_id))}
    if facts.email and "@" in facts.email:
        email = facts.email.strip().casefold()
        keys |= {("email", email), ("email", f"*@{email.rpartition('@')[2]}")}
    keys |= {("phone", number) for number in _phone_numbers(facts)}
    if facts.ip and (ip := _ip(facts.ip)):
        keys.add(("ip", str(ip)))
    keys |= {("card", _card_key(bin_, last4)) for bin_, last4 in facts.cards}
    return keys | {("address", key) for key in address_keys(facts.addresses)}


def address_keys(addresses: Iterable[Address]) -> set[str]:
    """The keys of the entries that match a person at one of these addresses."""
    return {key for address in set(addresses) for key in _address_keys(address)}


def within(ip: str | None, network: str) -> bool:
    """Whether an IP address is in a network such as `10.0.0.0/8`."""
    address = _ip(ip) if ip else None
    return address is not None and address in ip_network(network)


def entry_key(kind: str, value: str, country: str | None = None) -> str:
    """The key of an entry's value. `country` is for phone numbers without a country code.

    Raises Usage for a value that is invalid for its kind.
    """
    return {
        "customer": lambda: str(ids.parse("cus", value).id),
        "email": lambda: _email_key(value),
        "phone": lambda: _phone_key(value, country),
        "ip": lambda: _ip_key(value),
        "card": lambda: _card_entry_key(value),
        "address": lambda: _address_entry_key(value),
    }[kind]()


def shown(kind: str, value: str, country: str | None = None) -> str:
    """The value of an entry as it is stored and shown: normalized, except an address, which stays as it was entered.

    Raises Usage like `entry_key`.
    """
    key = entry_key(kind, value, country)
    if kind == "customer":
        return ids.show("cus", int(key))
    if kind == "phone":
        return contact.phone_number(value, country)[0]
    return value.strip() if kind == "address" else key


def values_of(facts: Facts) -> Iterator[Key]:
    """The details of a customer as kind and value of an entry each. Values that many people share are left out."""
    for kind, value in (("email", facts.email), ("phone", facts.phone), ("ip", facts.ip)):
        if value:
            yield kind, value
    for bin_, last4 in facts.cards:
        yield "card", _card_key(bin_, last4)
    for address in facts.addresses:
        if text := address_text(address):
            yield "address", text


def asked_keys(kind: str, value: str, country: str | None = None) -> set[str]:
    """The keys of the entries of this kind that match a person with this value, except networks.

    Raises Usage like `entry_key`.
    """
    key = entry_key(kind, value, country)
    if kind == "email":
        return {key, f"*@{key.rpartition('@')[2]}"}
    if kind == "address":
        return {key, *_shorter_addresses(value)}
    return {key}


def covers(network: str, ip: str) -> bool:
    """Whether a network contains an address, or all of another network."""
    inner, outer = ip_network(ip), ip_network(network)
    return inner.version == outer.version and inner.subnet_of(outer)  # type: ignore[arg-type]  # of one version


def because(kind: str, key: str) -> str:
    """Why an entry matches, in words."""
    if kind == "email" and key.startswith("*@"):
        return f"all of {key[2:]} is blacklisted"
    if kind == "ip" and "/" in key:
        return f"it lies in {key}"
    return {"card": "the same BIN and last four digits", "address": "the same address, however it is written"}.get(
        kind, f"the same {kind}"
    )


def address_text(address: Address) -> str | None:
    """An address as the value of an entry; None for one that is too vague."""
    return ", ".join(address.lines()) if next(_address_keys(address), None) else None


def _email_key(value: str) -> str:
    if match := _ANY_AT_DOMAIN.fullmatch(value.strip()):
        return contact.email_address(f"any@{match[1]}").replace("any@", "*@", 1).casefold()
    return contact.email_address(value).casefold()


def _phone_key(value: str, country: str | None) -> str:
    number = digits(contact.phone_number(value, country)[0]).lstrip("0")
    if len(number) < 4:
        raise Usage(f"{value[:40]!r} is not a phone number", fix="write it like +49 30 1234567")
    return number


def _phone_numbers(facts: Facts) -> set[str]:
    """A customer's number as it was entered, and in international form: it may be older than the shop's country
    setting.
    """
    numbers = {digits(facts.phone)}
    if facts.phone and not facts.phone.startswith("+"):
        homes = {facts.country, *(address.country for address in facts.addresses)} - {None}
        with suppress(Usage):
            numbers |= {digits(contact.phone_number(facts.phone, home)[0]) for home in homes}
    return {number.lstrip("0") for number in numbers} - {""}


def _ip(text: str) -> IPv4Address | IPv6Address | None:
    """The address; an IPv4 address mapped to IPv6 is an IPv4 address."""
    try:
        address = ip_address(text.strip())
    except ValueError:
        return None
    return (isinstance(address, IPv6Address) and address.ipv4_mapped) or address


def _ip_key(value: str) -> str:
    if address := _ip(value):
        return str(address)
    try:
        network = ip_network(value.strip(), strict=False)
        if isinstance(network, IPv6Network) and network.prefixlen >= 96 and (inner := network[0].ipv4_mapped):
            network = ip_network((inner, network.prefixlen - 96))
    except ValueError:
        raise Usage(
            f"{value[:60]!r} is neither an IP address nor a network", fix="write it like 203.0.113.7 or 203.0.113.0/24"
        ) from None
    return str(network.network_address) if network.num_addresses == 1 else str(network)


def _card_key(bin_: str, last4: str) -> str:
    return f"{bin_[:6]}-{last4}"


def _card_entry_key(value: str) -> str:
    match = _CARD.fullmatch(value.strip())
    if not match:
        raise Usage(
            f"{value[:10]!r} does not name a card" if len(digits(value)) < 11 else "this does not name a card",
            cause="a card is known by its first six and last four digits, never by its number",
            fix="write it like 424242-4242",
        )
    return _card_key(match[1] or match[3], match[2] or match[4])


def _words(text: str) -> list[str]:
    """The words of an address, without those that people write in different ways.

    The words for a flat or a unit come last, so that `Apt 12, 5 Main St` equals `5 Main St Apt 12`.
    """
    plain = re.sub(r"[.'’]", "", fold(text.replace("#", " no ")))
    words: list[str] = []
    units: list[str] = []
    of_unit = False
    for word in re.sub(r"[^0-9a-z]+", " ", plain).split():
        if word not in _SAYS_NOTHING:
            # Hauptstrasse, Hauptstr.
            shortened = _SHORT.get(word) or re.sub(r"(?<=...)str(asse)?$", "st", word)
            (units if of_unit else words).append(shortened)
        of_unit = word in _SAYS_NOTHING
    return words + units


def _key_of(text: str) -> str:
    """Words in any order (5 Main St, or Hauptstr. 5), and numbers in their order: 5 Main St Apt 12 is not 12 Main St
    Apt 5.
    """
    words = _words(text)
    numbers = [word for word in words if _NUMBER.fullmatch(word)]
    return " ".join([*sorted(set(words) - set(numbers)), *numbers])


def _address_keys(address: Address) -> Iterator[str]:
    """The keys of an address: an entry may leave out the region, the country, and either the town or
    its postal code.
    """
    if not address.line1 or not (address.city or address.postal_code):
        return
    street = f"{address.line1} {address.line2 or ''}"
    city, code, region, country = (
        part or "" for part in (address.city, address.postal_code, address.region, address.country)
    )
    for town, part, land in product((f"{city} {code}", city, code), (region, ""), (country, "")):
        if town:
            yield _key_of(f"{street} {town} {part} {land}")


def _shorter_addresses(text: str) -> Iterator[str]:
    """The keys of an address without some of the parts that follow the street."""
    street, *rest = [part for part in re.split(r"[,;\n]", text) if part.strip()][:7]
    for number in range(1, len(rest)):
        for kept in combinations(rest, number):
            yield _key_of(" ".join((street, *kept)))


def _address_entry_key(value: str) -> str:
    key = _key_of(value)
    if len(key.split()) < 3:
        raise Usage(
            f"{value[:60]!r} is too vague for an address",
            cause="it would mean too many people",
            fix="write street, number and town: '5 Main St, Springfield'",
        )
    return key
