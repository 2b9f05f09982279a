"""Signals: an end is asked for, and comes between two records.

Whatever reads ends at once (`heeded`). A change defers (`deferred`): what is under way is finished and recorded first.
Only while it waits for somebody to read its output, which may be for ever, it ends at once too (`Stop.at_once`).
A signal that our caller has chosen to ignore (nohup, a job in the background) is ignored.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")
SIGNALS = tuple(getattr(signal, name) for name in _NAMES if hasattr(signal, name))


class Stopped(BaseException):
    """A signal came. `number` is the signal's."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class Stop:
    """Whether an end was asked for while signals are deferred. A second SIGINT does not wait."""

    def __init__(self) -> None:
        self.number: int | None = None
        self._deferring = True

    def is_set(self) -> bool:
        return self.number is not None

    def note(self, number: int, _frame: FrameType | None) -> None:
        if self.number is None:
            self.number = number
            if self._deferring:
                return
        elif number != signal.SIGINT:
            return
        self._deferring = True
        raise Stopped(number)

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Nothing is under way here: a signal raises Stopped."""
        self._deferring = False
        try:
            yield
        finally:
            self._deferring = True


_current: Stop | None = None


@contextmanager
def deferred() -> Iterator[Stop]:
    """Signals set the Stop that this gives, an outer one if there is one. Whoever opens one looks
    at it in the end.
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


@contextmanager
def heeded() -> Iterator[None]:
    """Signals raise Stopped."""

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
