"""How often an account may be called: `&rate=20/s` in its URL. Each process keeps to it by itself."""

from __future__ import annotations

import re
import threading
import time
from urllib.parse import unquote

from csctl.errors import Misconfigured
from csctl.gateways.protocol import Answer, Capabilities, Found, Gateway

_RATE = re.compile(r"(?P<before>[?&])rate=(?P<rate>[^&]*)(?P<after>&?)")
_WRITTEN = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,3})?)/(s|m|h)", re.ASCII)
_SECONDS = {"s": 1, "m": 60, "h": 3600}
_LONGEST_WAIT = 60.0  # seconds that a call may wait for its turn: well within the lease of an attempt


class Pace:
    """So many calls per second, evenly."""

    def __init__(self, rate: float) -> None:
        self._pause = 1 / rate
        self._next = 0.0
        self._lock = threading.Lock()

    @property
    def window(self) -> int:
        """How many calls may be begun together without one of them waiting too long."""
        return max(1, int(_LONGEST_WAIT / self._pause))

    def wait(self) -> None:
        """Return when it is the caller's turn."""
        with self._lock:
            now = time.monotonic()
            turn = max(now, self._next)
            self._next = turn + self._pause
        time.sleep(turn - now)


def split(url: str) -> tuple[str, Pace | None]:
    """A gateway's URL without its rate, and the pace that this asks for. Raises Misconfigured."""
    match = _RATE.search(url)
    if match is None:
        return url, None
    joint = match["before"] if match["after"] else ""
    rest = url[: match.start()] + joint + url[match.end() :]
    written = _WRITTEN.fullmatch(unquote(match["rate"]))
    if written is None or float(written[1]) == 0:
        raise Misconfigured("a gateway's rate cannot be read", fix="write it like rate=20/s, 100/m or 1000/h")
    return rest, Pace(float(written[1]) / _SECONDS[written[2]])


class Paced:
    """An account that is called no faster than at its pace."""

    def __init__(self, gateway: Gateway, pace: Pace) -> None:
        self._gateway, self._pace = gateway, pace

    @property
    def capabilities(self) -> Capabilities:
        return self._gateway.capabilities

    def charge(self, token: str, amount: int, currency: str, key: str) -> Answer:
        self._pace.wait()
        return self._gateway.charge(token, amount, currency, key)

    def void(self, reference: str, key: str) -> Answer:
        self._pace.wait()
        return self._gateway.void(reference, key)

    def refund(self, reference: str, amount: int, currency: str, key: str) -> Answer:
        self._pace.wait()
        return self._gateway.refund(reference, amount, currency, key)

    def lookup(self, reference: str) -> Found | None:
        self._pace.wait()
        return self._gateway.lookup(reference)

    def find_operation(self, key: str, reference: str | None) -> Found | None:
        self._pace.wait()
        return self._gateway.find_operation(key, reference)
