"""A shop in which all is well."""

from __future__ import annotations

import pytest

from tests.factories import make_notify_email
from tests.shops import Shop


@pytest.fixture
def healthy(shop: Shop) -> Shop:
    """A shop in which all is well."""
    make_notify_email(shop)
    shop("setting set mail-from shop@example.com")
    shop("setting set agent-refund-limit '50 USD'")
    return shop
