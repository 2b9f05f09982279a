"""The maximum rate of calls to an account: `rate=20/s` in its URL. Each process limits itself."""

from __future__ import annotations

import re
import threading
import time

from csctl.errors import Misconfigured

_WRITTEN = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,3})?)/(s|m|h)", re.ASCII)
_SECONDS = {"s": 1, "m": 60, "h": 3600}
LONGEST_WAIT = 60.0  # seconds that a call may wait for its turn: well within the lease of an attempt
_SLOW_FOR = 60.0  # seconds at half the rate after the gateway was busy
_ANY_NUMBER = 1_000_000  # calls in flight without a rate


class TurnTooLate(Exception):
    """The turn of a call would come too late for the lease of its attempt. Nothing was sent."""


class Pace:
    """A number of calls a second, evenly spaced; unlimited without a `rate`. For several threads.

    Call `wait` before each request, and `busy` if the gateway reports too many requests.
    """

    def __init__(self, rate: float | None = None) -> None:
        self._pause = 1 / rate if rate else 0.0
        self._next = self._slow_until = 0.0
        self._lock = threading.Lock()

    @property
    def window(self) -> int:
        """The number of calls that may be in flight together, so that none waits too long."""
        return max(1, int(LONGEST_WAIT / self._pause)) if self._pause else _ANY_NUMBER

    def wait(self) -> None:
        """Wait for the caller's turn. Raises TurnTooLate if that is more than a minute away."""
        with self._lock:
            now = time.monotonic()
            turn = max(now, self._next)
            if turn - now > LONGEST_WAIT:
                raise TurnTooLate
            self._next = turn + self._pause * (2 if now < self._slow_until else 1)
        time.sleep(turn - now)

    def busy(self, retry_after: float | None = None) -> None:
        """Slow down after a refusal for too many requests: half the rate for a minute, and no call for
        `retry_after` s.
        """
        with self._lock:
            now = time.monotonic()
            self._slow_until = now + _SLOW_FOR
            self._next = max(self._next, now + min(retry_after or 0.0, LONGEST_WAIT))


def read(written: str | None) -> Pace:
    """The pace of a `rate=` option. Raises Misconfigured."""
    if written is None:
        return Pace()
    match = _WRITTEN.fullmatch(written)
    if match is None or float(match[1]) == 0:
        raise Misconfigured("a gateway's rate cannot be read", fix="write it like rate=20/s, 100/m or 1000/h")
    return Pace(float(match[1]) / _SECONDS[match[2]])
