"""NMI and its resellers' brands: `nmi:SECURITY_KEY?base=https://HOST`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from csctl.gateways.nmi.adapter import Nmi
    from csctl.gateways.pace import Pace
    from csctl.gateways.urls import AccountUrl

HOST = "https://secure.nmi.com"


def open_account(url: AccountUrl, *, rehearsal: bool, now: Callable[[], datetime], zone: tzinfo, pace: Pace) -> Nmi:
    """The account of a URL. Raises Misconfigured. Opens no connection."""
    from csctl.gateways.nmi.account import Account
    from csctl.gateways.nmi.adapter import Nmi
    from csctl.gateways.transport import Transport

    base, timeout = url.text("base", HOST), url.timeout
    url.refuse_others()
    if not url.secret:
        raise url.problem("the security key is missing", fix="write it like nmi:SECURITY_KEY")
    livemode = _moves_money(base)
    url.refuse_mode(live=livemode, rehearsal=rehearsal)
    transport = Transport(base, secrets=[url.key], pace=pace, deadline=timeout.total_seconds(), rehearsal=rehearsal)
    return Nmi(Account(transport, url.key, now), livemode=livemode)


def _moves_money(base: str) -> bool:
    """Whether an address is not that of NMI's own sandbox, nor of a test double on this machine (which is http)."""
    parts = urlsplit(base)
    return parts.scheme == "https" and not (parts.hostname or "").startswith("sandbox.")
