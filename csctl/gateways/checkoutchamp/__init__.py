"""CheckoutChamp (Konnektive): `checkoutchamp:LOGIN:PASSWORD`. Its records can be imported; csctl pays nothing there."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from csctl.gateways.checkoutchamp.adapter import CheckoutChamp
    from csctl.gateways.pace import Pace
    from csctl.gateways.urls import AccountUrl

HOST = "https://api.checkoutchamp.com"


def open_account(
    url: AccountUrl, *, rehearsal: bool, now: Callable[[], datetime], zone: tzinfo, pace: Pace
) -> CheckoutChamp:
    """The account of a URL. Raises Misconfigured. Opens no connection."""
    from csctl.gateways.checkoutchamp.account import Account
    from csctl.gateways.checkoutchamp.adapter import CheckoutChamp
    from csctl.gateways.transport import Transport

    base, timeout = url.text("base", HOST), url.timeout
    url.refuse_others()
    login, colon, password = url.key.partition(":")
    if not (login and colon and password):
        raise url.problem("login and password are missing", fix="write it like checkoutchamp:LOGIN:PASSWORD")
    secrets = [url.secret, login, password]
    transport = Transport(base, secrets=secrets, pace=pace, deadline=timeout.total_seconds(), rehearsal=rehearsal)
    return CheckoutChamp(Account(transport, login, password), login, livemode=base.startswith("https:"))
