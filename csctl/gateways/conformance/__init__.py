"""The cases that every gateway adapter must pass, for authors of gateways. They run with pytest:

    from csctl.gateways.conformance import HttpConformance, HttpWorld, LedgerServer

    class AcmeLedger(LedgerServer):          # a local server that behaves as the gateway does
        ...

    class AcmeWorld(HttpWorld):              # what the cases do at the gateway, and what they read in its books
        ...

    class TestAcme(HttpConformance):
        @pytest.fixture
        def world(self) -> Iterator[AcmeWorld]:
            with AcmeWorld() as world:
                yield world

Each case asserts the adapter's answer, what the ledger did, and what stood on the wire. An adapter that does not speak
HTTP takes `Conformance` and `World`. What a gateway does not offer (`not_offered`) is left out.
"""

import pytest

_PARTS = ("accounts", "answers", "changes", "effects", "finding", "hygiene", "later", "load")
pytest.register_assert_rewrite(*(f"{__name__}.{part}" for part in _PARTS))

from csctl.gateways.conformance.accounts import Accounts  # noqa: E402 - after their asserts were registered
from csctl.gateways.conformance.answers import Answers  # noqa: E402
from csctl.gateways.conformance.changes import Changes  # noqa: E402
from csctl.gateways.conformance.effects import Effects  # noqa: E402
from csctl.gateways.conformance.finding import Finding  # noqa: E402
from csctl.gateways.conformance.hygiene import Hygiene  # noqa: E402
from csctl.gateways.conformance.later import Later  # noqa: E402
from csctl.gateways.conformance.load import Load  # noqa: E402
from csctl.gateways.conformance.server import Fault, LedgerServer, Request, Response  # noqa: E402
from csctl.gateways.conformance.world import Card, HttpWorld, Sold, World, not_offered  # noqa: E402

__all__ = [
    "Card",
    "Conformance",
    "Fault",
    "HttpConformance",
    "HttpWorld",
    "LedgerServer",
    "Request",
    "Response",
    "Sold",
    "World",
    "not_offered",
]


class Conformance(Effects, Finding, Later, Changes, Accounts, Load):
    """All cases but those that need HTTP. Give a fixture `world`."""


class HttpConformance(Conformance, Answers, Hygiene):
    """All cases. Give a fixture `world`, an HttpWorld."""
