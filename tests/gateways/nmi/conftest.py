"""An account at a pretend NMI."""

from __future__ import annotations

from collections.abc import Callable

from csctl.gateways import nmi
from csctl.gateways.nmi.adapter import Nmi
from tests.gateways.accounts import fixtures
from tests.gateways.ledgers.nmi import KEY, NmiLedger

Opener = Callable[..., Nmi]
ledger, open_account, account, op = fixtures(nmi.open_account, NmiLedger, "nmi:{key}", KEY, "1001")
