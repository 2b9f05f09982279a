"""The maximum rate of calls to an account: `rate=20/s` in its URL. Each process limits itself."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable

from csctl.errors import Misconfigured

_WRITTEN = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,3})?)/(s|m|h)", re.ASCII)
_SECONDS = {"s": 1, "m": 60, "h": 3600}
LONGEST_WAIT = 60.0  # seconds that a call may wait for its turn: well within the lease of an attempt
_SILENT = 5.0  # seconds that a call waits without a notice
_SLOW_FOR = 60.0  # seconds at half the rate after the gateway was busy
_ANY_NUMBER = 1_000_000  # calls in flight without a rate


class TurnTooLate(Exception):
    """The turn of a call would come too late. Nothing was sent. The text says why."""


class Pace:
    """A number of calls a second, evenly spaced; unlimited without a `rate`. For several threads.

    Call `wait` before each request, and `busy` if the gateway reports too many requests. `longest`: seconds that a call
    waits at most because the gateway asks for it; `notice` prints that one waits.
    """

    def __init__(self, rate: float | None = None, longest: float = LONGEST_WAIT) -> None:
        self._pause, self._longest = (1 / rate if rate else 0.0), min(longest, LONGEST_WAIT)
        self._next = self._slow_until = self._asked_until = self._told_until = 0.0
        self._lock = threading.Lock()
        self.notice: Callable[[str], None] = lambda text: None

    @property
    def window(self) -> int:
        """The number of calls that may be in flight together, so that none waits too long."""
        return max(1, int(LONGEST_WAIT / self._pause)) if self._pause else _ANY_NUMBER

    def wait(self) -> None:
        """Wait for the caller's turn. Raises TurnTooLate if that is too far away."""
        with self._lock:
            now = time.monotonic()
            turn = max(now, self._next)
            asked = self._asked_until - now
            if asked > self._longest:
                raise TurnTooLate(f"the gateway asks to wait for {asked:.0f} s")
            if turn - now > LONGEST_WAIT:
                raise TurnTooLate("too many calls wait for their turn at this account")
            self._next = turn + self._pause * (2 if now < self._slow_until else 1)
            tell = asked > _SILENT and now >= self._told_until
            self._told_until = turn if tell else self._told_until
        if tell:
            self.notice(f"asks to wait for {asked:.0f} s.")
        time.sleep(turn - now)

    def busy(self, retry_after: float | None = None) -> None:
        """Slow down after a refusal for too many requests: half the rate for a minute, and no call for
        `retry_after` s.
        """
        with self._lock:
            now = time.monotonic()
            self._slow_until = now + _SLOW_FOR
            self._asked_until = max(self._asked_until, now + (retry_after or 0.0))
            self._next = max(self._next, self._asked_until)


def read(written: str | None, longest: float = LONGEST_WAIT) -> Pace:
    """The pace of a `rate=` option. Raises Misconfigured."""
    if written is None:
        return Pace(longest=longest)
    match = _WRITTEN.fullmatch(written)
    if match is None or float(match[1]) == 0:
        raise Misconfigured("a gateway's rate cannot be read", fix="write it like rate=20/s, 100/m or 1000/h")
    return Pace(float(match[1]) / _SECONDS[match[2]], longest)
