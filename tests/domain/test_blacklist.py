"""The entries that match a customer, by what is known of them (domain rules, section 7)."""

from __future__ import annotations

import pytest

from csctl.domain.addresses import Address
from csctl.domain.blacklist import Facts, entry_key, keys_of, within

JANE = Facts(
    customer_id=7,
    email=" Jane@Example.com",
    phone="(217) 555-0100",
    ip="::ffff:203.0.113.7",
    cards=(("42424242", "4242"),),
    addresses=(Address("5 Main Street", "Apt 12", "Springfield", "IL", "62701", "US"),),
    country="US",
)


@pytest.mark.parametrize(
    ("kind", "entry", "matches"),
    [
        ("customer", "cus_7", True),
        ("email", "JANE@example.com", True),
        ("email", "*@example.com", True),
        ("email", "*@le.com", False),
        ("phone", "+1 217 555 0100", True),
        ("phone", "+1 217 555 0101", False),
        ("ip", "203.0.113.7", True),
        ("ip", "203.0.113.8", False),
        ("card", "424242-4242", True),
        ("card", "424243-4242", False),
        ("address", "5 Main St #12, Springfield", True),
        ("address", "12 Main St Apt 5, Springfield", False),
    ],
)
def test_an_entry_matches_what_a_customer_has_in_any_form(kind: str, entry: str, matches: bool) -> None:
    assert ((kind, entry_key(kind, entry, "US")) in keys_of(JANE)) is matches


@pytest.mark.parametrize(
    ("network", "matches"), [("203.0.113.0/24", True), ("203.0.114.0/24", False), ("2001:db8::/32", False)]
)
def test_a_network_matches_the_addresses_in_it(network: str, matches: bool) -> None:
    assert within(JANE.ip, network) is matches
    assert not within(None, network)
