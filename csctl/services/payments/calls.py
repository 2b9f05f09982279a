"""The calls to gateways that are under way. The threads that make them touch no database."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from queue import Empty, SimpleQueue
from typing import Any

from csctl.errors import CsctlError, OutcomeUnknown
from csctl.fault_points import Point, reached
from csctl.services.payments.jobs import LEASE, Call, Job

# Seconds after the claim by which a call has begun, or is not begun: the lease, without the longest call and a reserve.
_TOO_LATE = LEASE.total_seconds() - 90 - 30
_GATHER = 0.02  # seconds to wait for the answers of a window once one has come


class Calls:
    """`window` calls are made at once; others wait for their turn."""

    def __init__(self, pool: ThreadPoolExecutor, window: int) -> None:
        self._pool, self._window = pool, window
        self._jobs: dict[Future[Any], Job] = {}
        self._done: SimpleQueue[Future[Any]] = SimpleQueue()

    def __len__(self) -> int:
        return len(self._jobs)

    def begin(self, job: Job, call: Call) -> None:
        """Make the call that a job waits for."""
        future = self._pool.submit(_in_time(call))
        self._jobs[future] = job
        future.add_done_callback(self._done.put)

    def answered(self) -> list[tuple[Job, Any]]:
        """The replies that have come in, once there are any to come."""
        if not self._jobs:
            return []
        done, until = [self._done.get()], time.monotonic() + _GATHER
        while len(done) < len(self._jobs):  # a commit for many costs little more than one for one
            enough = len(done) >= self._window
            try:
                done.append(self._done.get(timeout=0 if enough else max(0, until - time.monotonic())))
            except Empty:
                break
        return [(self._jobs.pop(future), _reply(future)) for future in done]


def _in_time(call: Call) -> Callable[[], Any]:
    """The call, not begun if this process slept so long that its lease may be over."""
    claimed = _awake_or_not()
    return lambda: _made(call) if _awake_or_not() - claimed < _TOO_LATE else call.unsent


def _made(call: Call) -> Any:
    reached(Point.CALLING)
    try:
        return call.make()
    finally:
        reached(Point.ANSWERED)


def _awake_or_not() -> float:
    """Seconds that pass while the machine sleeps, too."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.time()


def _reply(future: Future[Any]) -> Any:
    """The gateway's answer, or the error with which it could not be asked. An unexpected error is not an answer."""
    error = future.exception()
    if error is None:
        return future.result()
    if isinstance(error, CsctlError):
        return error
    return OutcomeUnknown("the gateway's answer could not be read", cause=type(error).__name__)
