"""The built-in gateway for rehearsals: `sandbox:PATH?idempotency=on&lookup=on&settles=midnight&account=ID`.

It keeps a ledger of its own, so that what it "paid out" can be compared with what the database believes, and behaves
as the payment method's token says, so that every path can be rehearsed.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, tzinfo

from csctl.gateways.pace import Pace
from csctl.gateways.sandbox.account import Sandbox as Sandbox
from csctl.gateways.sandbox.ledger import Lesson as Lesson
from csctl.gateways.urls import AccountUrl


def open_account(url: AccountUrl, *, rehearsal: bool, now: Callable[[], datetime], zone: tzinfo, pace: Pace) -> Sandbox:
    """The account of a URL. Raises Misconfigured."""
    return Sandbox.at(url, now, zone, pace)
