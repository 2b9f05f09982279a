"""An account at a pretend Stripe."""

from __future__ import annotations

from collections.abc import Callable

from csctl.gateways import stripe
from csctl.gateways.stripe.adapter import Stripe
from tests.gateways.accounts import fixtures
from tests.gateways.ledgers.stripe import KEY, StripeLedger

Opener = Callable[..., Stripe]
ledger, open_account, account, op = fixtures(stripe.open_account, StripeLedger, "stripe:{key}", KEY, "cus_1/pm_ok")
