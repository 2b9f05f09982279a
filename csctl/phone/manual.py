"""`manual:`: without a switch. The agent dials, by hand or by clicking."""

from __future__ import annotations

from csctl.phone.switch import Placed


class Manual:
    """Return the number as a tel: URI (RFC 3966), which a softphone opens."""

    def __init__(self, _url: str) -> None:
        """Accept the URL; it has no parameters."""

    def call(self, number: str, *, operator: str) -> Placed:
        return Placed("given to the agent to dial", uri=f"tel:{number.replace('#', '%23')}")
