"""An account at a pretend Authorize.Net."""

from __future__ import annotations

from collections.abc import Callable

from csctl.gateways import authorizenet
from csctl.gateways.authorizenet.adapter import AuthorizeNet
from tests.gateways.accounts import fixtures
from tests.gateways.ledgers.authorizenet import KEY, LOGIN, AuthorizeNetLedger

Opener = Callable[..., AuthorizeNet]
ledger, open_account, account, op = fixtures(
    authorizenet.open_account, AuthorizeNetLedger, f"authorizenet:{LOGIN}:{{key}}", KEY, "10/1"
)
