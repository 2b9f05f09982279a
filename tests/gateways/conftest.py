"""Shops whose gateway speaks a real protocol."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.gateways.ledgers.authorizenet import AuthorizeNetLedger
from tests.gateways.ledgers.nmi import NmiLedger
from tests.gateways.ledgers.stripe import StripeLedger
from tests.gateways.worlds import World, authorizenet_world, nmi_world, stripe_world
from tests.shops import Shop

WORLDS: dict[str, Callable[[Shop], World]] = {
    "nmi": lambda shop: nmi_world(shop, NmiLedger()),
    "authorizenet": lambda shop: authorizenet_world(shop, AuthorizeNetLedger()),
    "stripe": lambda shop: stripe_world(shop, StripeLedger()),
}
# Gateways at which a captured sale waits for its settlement, and can be voided until then.
SETTLING = ("nmi", "authorizenet")


@pytest.fixture(params=WORLDS)
def world(request: pytest.FixtureRequest, shop: Shop) -> Iterator[World]:
    """Each of them in turn. A test for one alone: @pytest.mark.parametrize("world", ["nmi"], indirect=True)"""
    made = WORLDS[request.param](shop)
    yield made
    made.ledger.close()
    secret = made.url.partition("?")[0].rpartition(":")[2].encode()
    written = [file for file in shop.folder.rglob("*") if file.is_file() and secret in file.read_bytes()]
    assert written == [], "the account's secret is in a file"
