"""Authorize.Net: `authorizenet:LOGIN:TRANSACTION_KEY`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from csctl.gateways.authorizenet.adapter import AuthorizeNet
    from csctl.gateways.pace import Pace
    from csctl.gateways.urls import AccountUrl

HOST = "https://api2.authorize.net"
_SANDBOX = "apitest.authorize.net"


def open_account(
    url: AccountUrl, *, rehearsal: bool, now: Callable[[], datetime], zone: tzinfo, pace: Pace
) -> AuthorizeNet:
    """The account of a URL. Raises Misconfigured. Opens no connection."""
    from csctl.gateways.authorizenet.account import Account
    from csctl.gateways.authorizenet.adapter import AuthorizeNet
    from csctl.gateways.transport import Transport

    base, timeout = url.text("base", HOST), url.timeout
    url.refuse_others()
    login, colon, key = url.key.partition(":")
    if not (login and colon and key):
        raise url.problem("the login or the transaction key is missing", fix="authorizenet:LOGIN:TRANSACTION_KEY")
    # A login is not secret, but need not be shown; a short one would hide words of messages.
    secrets = [key, login] if len(login) >= 8 else [key]
    live_host = _moves_money(base)
    if not live_host:  # an account at the other one may be in test mode: its answer shows that
        url.refuse_mode(live=False, rehearsal=rehearsal)
    transport = Transport(base, secrets=secrets, pace=pace, deadline=timeout.total_seconds(), rehearsal=rehearsal)
    return AuthorizeNet(Account(transport, login, key, now), live_host=live_host)


def _moves_money(base: str) -> bool:
    """Whether an address is not that of the vendor's sandbox, nor of a test double on this machine (which is http)."""
    parts = urlsplit(base)
    return parts.scheme == "https" and parts.hostname != _SANDBOX
