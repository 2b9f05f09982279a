"""Signals: stop between two records.

Commands that read end at once (`heeded`). A change defers the signal (`deferred`): it begins no further record
(`asked`), and the current one is finished, recorded and printed first. Only the printing has a time limit
(`Stop.telling`), for a reader that has stopped reading. A signal that the caller ignores (nohup, a job in the
background) stays ignored.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")
_MOMENT = 1.0  # seconds
SIGNALS = tuple(getattr(signal, name) for name in _NAMES if hasattr(signal, name))


class Stopped(BaseException):
    """A signal came. `number` is its number."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class Stop:
    """Whether a stop was requested while signals are deferred. A second SIGINT does not wait."""

    def __init__(self) -> None:
        self.number: int | None = None
        self._telling = False

    def is_set(self) -> bool:
        return self.number is not None

    def note(self, number: int, _frame: FrameType | None) -> None:
        if self.number is None:
            self.number = number
            if self._telling:
                self._give_a_moment()
        elif number == signal.SIGINT:
            self._end()

    @contextmanager
    def telling(self) -> Iterator[None]:
        """Mark a block that only prints. After a signal it has a short time to end; then Stopped is raised."""
        self._telling = True
        if self.is_set():
            self._give_a_moment()
        try:
            yield
        finally:
            self._telling = False
            if self.is_set():
                _alarm(0)

    @contextmanager
    def working(self) -> Iterator[None]:
        """Mark a block inside `telling` in which a record is processed after all."""
        self._telling = False
        _alarm(0)
        try:
            yield
        finally:
            self._telling = True
            if self.is_set():
                self._give_a_moment()

    def _give_a_moment(self) -> None:
        if not _alarm(_MOMENT, self._over):
            self._end()

    def _over(self, _number: int, _frame: FrameType | None) -> None:
        if self._telling:  # an alarm that goes off just before `working` is raised within it
            self._end()

    def _end(self) -> None:
        self._telling = False
        raise Stopped(self.number or signal.SIGINT)


def _alarm(seconds: float, handler: Callable[[int, FrameType | None], None] | None = None) -> bool:
    """Call the handler after this time; 0 cancels. False where the system has no alarm."""
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        return False
    if handler:
        signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    return True


_current: Stop | None = None


@contextmanager
def deferred() -> Iterator[Stop]:
    """Defer signals: they set the Stop that this yields, or the outer one if there is one. The block that creates it
    has to check it at its end.
    """
    global _current  # noqa: PLW0603 - signals belong to the process
    if _current is not None:
        yield _current
        return
    stop = _current = Stop()
    try:
        with _handled_by(stop.note):
            yield stop
    finally:
        _current = None


def asked() -> bool:
    """Whether a change has to stop before its next record."""
    return _current is not None and _current.is_set()


@contextmanager
def heeded() -> Iterator[None]:
    """Raise Stopped for signals inside the block."""

    def end(number: int, _frame: FrameType | None) -> None:
        raise Stopped(number)

    with _handled_by(end):
        yield


@contextmanager
def _handled_by(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    before: dict[int, Any] = {}
    if threading.current_thread() is threading.main_thread():
        heard = [number for number in SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
        before = {number: signal.signal(number, handler) for number in heard}
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)
