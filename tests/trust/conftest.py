"""A shop on PostgreSQL whose operators have logins of their own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.postgres import Server
from tests.shops import Shop
from tests.trust.logins import grant


@pytest.fixture
def granted(shop: Shop, postgres: Server) -> Iterator[Shop]:
    """A shop whose database has the groups, and a login in each of them."""
    with postgres.alone():
        grant(shop, postgres)
        yield shop
