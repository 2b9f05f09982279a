"""`manual:`: no switch at all. The agent dials, by hand or by clicking."""

from __future__ import annotations

from csctl.phone.switch import Placed


class Manual:
    """Gives the number as a tel: URI (RFC 3966), which a softphone opens."""

    def __init__(self, _url: str) -> None:
        """There is nothing to set."""

    def call(self, number: str, *, operator: str) -> Placed:
        return Placed("given to the agent to dial", uri=f"tel:{number.replace('#', '%23')}")
