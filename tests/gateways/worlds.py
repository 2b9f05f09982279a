"""A shop whose gateway speaks a real protocol: the pretend gateway, and the shop's account there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from csctl.clock import parse_time
from csctl.gateways.conformance.server import Fault, LedgerServer
from tests.factories import make_payment_method, make_sale
from tests.gateways.ledgers import authorizenet, nmi, stripe
from tests.gateways.ledgers.authorizenet import AuthorizeNetLedger
from tests.gateways.ledgers.nmi import NmiLedger
from tests.gateways.ledgers.stripe import StripeLedger
from tests.shops import Shop


@dataclass
class World:
    """A shop and its gateway.

    `decline` lets the next write be declined. `absent_after` is when absence is believed, `watch` how long an approved
    refund can come back.
    """

    shop: Shop
    ledger: LedgerServer
    url: str
    token: str
    absent_after: timedelta
    watch: timedelta
    sell: Callable[..., str]
    settle: Callable[[], None]
    returned: Callable[[str | None], Decimal]
    refund_outside: Callable[[str, str], str]
    decline: Callable[[], None]

    @property
    def voids(self) -> bool:
        """Whether a captured sale can be voided until it settles."""
        return not isinstance(self.ledger, StripeLedger)

    def __post_init__(self) -> None:
        self.shop.env["CSCTL_GATEWAY_MAIN"] = self.url
        self.at(self.shop.now)

    def at(self, moment: str) -> None:
        """Set the clocks of the shop and of the gateway."""
        self.shop.now = moment
        self.ledger.now = parse_time(moment)

    def later(self, step: timedelta) -> None:
        """Let time pass in the shop and at the gateway, whose batch closes at midnight."""
        before = self.shop.moment
        after = before + step
        if after.date() > before.date():
            self.ledger.now = after.replace(hour=0, minute=0, second=1)
            self.settle()
        self.at(after.isoformat())

    def sale(self, amount: str = "20.00", *, settled: bool = True, reference: str | None = None) -> tuple[str, str]:
        """An approved sale that both sides know: csctl's id and the gateway's reference."""
        now = self.ledger.now
        assert now
        self.ledger.now = now - (timedelta(days=2) if settled else timedelta(minutes=30))
        reference = reference or self.sell(amount, settled=settled)
        self.ledger.now = now
        method = make_payment_method(self.shop, token=self.token, last4="1111")
        sale = make_sale(self.shop, amount, settled=settled, adopt=False, gateway_ref=reference, payment_method=method)
        return sale, reference

    def booked(self, sale: str) -> Decimal:
        """What the books say was returned of a sale."""
        row = self.shop(f"txn show {sale} -o json").json
        return Decimal(row["refunded"])


def nmi_world(shop: Shop, ledger: NmiLedger) -> World:
    return _world(
        shop,
        ledger,
        f"nmi:{nmi.KEY}",
        "1001",
        hours=4,
        days=60,
        decline=lambda: ledger.refuse_next("DECLINE", "200", "2"),
    )


def authorizenet_world(shop: Shop, ledger: AuthorizeNetLedger) -> World:
    account = f"authorizenet:{authorizenet.LOGIN}:{authorizenet.KEY}"
    return _world(shop, ledger, account, "10/1", hours=24, days=5, decline=lambda: ledger.refuse_next("2", "2"))


def stripe_world(shop: Shop, ledger: StripeLedger) -> World:
    declined = b'{"error": {"type": "invalid_request_error", "code": "balance_insufficient"}}'
    no = Fault(effect=False, status=400, body=declined)
    account = f"stripe:{stripe.KEY}"
    return _world(shop, ledger, account, "cus_1/pm_ok", hours=1, days=30, decline=lambda: ledger.fail_next(no))


def _world(
    shop: Shop,
    ledger: NmiLedger | AuthorizeNetLedger | StripeLedger,
    account: str,
    token: str,
    *,
    hours: int,
    days: int,
    decline: Callable[[], None],
) -> World:
    """A world in which absence is believed after `hours`, and a refund can come back for `days`."""
    url = f"{account}?base={ledger.base}&timeout=5"
    return World(
        shop,
        ledger,
        url,
        token,
        timedelta(hours=hours),
        timedelta(days=days),
        ledger.sell,
        ledger.settle,
        ledger.returned,
        ledger.refund_outside,
        decline,
    )
