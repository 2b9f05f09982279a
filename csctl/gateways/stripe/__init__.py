"""Stripe: `stripe:sk_live_…`, better with a restricted key `stripe:rk_live_…`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from csctl.gateways.pace import Pace
    from csctl.gateways.stripe.adapter import Stripe
    from csctl.gateways.urls import AccountUrl

HOST = "https://api.stripe.com"
VERSION = "2026-10-28.endive"  # of the API: what this adapter was written for
_TEST = ("sk_test_", "rk_test_")
_KEYS = (*_TEST, "sk_live_", "rk_live_")


def open_account(url: AccountUrl, *, rehearsal: bool, now: Callable[[], datetime], zone: tzinfo, pace: Pace) -> Stripe:
    """The account of a URL. Raises Misconfigured. Opens no connection."""
    from csctl.gateways.stripe.account import Account
    from csctl.gateways.stripe.adapter import Stripe
    from csctl.gateways.transport import Transport

    base, timeout, key = url.text("base", HOST), url.timeout, url.key
    url.refuse_others()
    if not key.startswith(_KEYS):
        raise url.problem("this is not a secret key of Stripe", fix="write it like stripe:rk_live_…")
    livemode = not key.startswith(_TEST)
    url.refuse_mode(live=livemode, rehearsal=rehearsal)
    headers = {"Authorization": f"Bearer {key}", "Stripe-Version": VERSION}
    transport = Transport(
        base, secrets=[key], headers=headers, pace=pace, deadline=timeout.total_seconds(), rehearsal=rehearsal
    )
    return Stripe(Account(transport, now), livemode=livemode)
