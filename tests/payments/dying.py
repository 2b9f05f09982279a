"""csctl, killed at a chosen point: `killed_at`.

A point is the moment before a commit, before a gateway is called, after it has answered, before an email is sent or
after. They are counted from 1; a run that has fewer ends as usual.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Engine, event

from csctl.gateways.sandbox import Sandbox
from csctl.mail.folder import Folder
from tests.shops import Shop

_MOST = 60  # more than any run here has
_left = 0
_counting = threading.Lock()


def points(full: bool, values: Sequence[object] = ("",), value: object = "") -> range:
    """The points at which to kill a run, each in turn. It ends before the last one.

    Where a test has one run for each of some `values`, a quick run kills at each point for one of them.
    """
    return range(1, _MOST) if full else range(1 + values.index(value), _MOST, len(values))


def before(number: int) -> tuple[str, ...]:
    """For `before` of a process: it is killed at this point."""
    return __name__, "die", str(number)


def killed_at(shop: Shop, point: int, words: str, at: str | None = None) -> bool:
    """Whether a command was killed at a point; False if it ended before."""
    process = shop.start(words, at=at, before=before(point))
    _, said = process.communicate(timeout=120)
    assert process.returncode in (-9, 0, 3, 5, 9, 12), said
    return process.returncode == -9


def die(number: str) -> None:
    """Have this process killed at a point."""
    global _left  # noqa: PLW0603 - this process counts to one number
    _left = int(number)
    event.listen(Engine, "commit", point)
    Sandbox._answer = around(Sandbox._answer)  # type: ignore[method-assign]
    Folder.send = around(Folder.send)  # type: ignore[method-assign]


def point(*_: Any) -> None:
    """One more point is reached; the chosen one ends this process."""
    global _left  # noqa: PLW0603 - this process counts to one number
    with _counting:
        _left -= 1
        if _left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def around(function: Callable[..., Any], reached: Callable[[], None] = point) -> Callable[..., Any]:
    """The same function, with a point before and after it."""

    def counted(*args: Any, **more: Any) -> Any:
        reached()
        result = function(*args, **more)
        reached()
        return result

    return counted
