"""csctl, killed at a chosen point: `python dying.py POINT csctl's words…`.

A point is the moment before a commit, before a gateway is called, after it has answered, before an email is sent or
after. They are counted from 1; a run that has fewer ends as usual.
"""

from __future__ import annotations

import importlib.metadata
import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any

from sqlalchemy import Engine, event

from csctl.gateways.sandbox import Sandbox
from csctl.mail.folder import Folder

_left = int(sys.argv[1])
_counting = threading.Lock()


def point(*_: Any) -> None:
    """One more point is reached; at the chosen one this process is no more."""
    global _left  # noqa: PLW0603 - this program is one counter
    with _counting:
        _left -= 1
        if _left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def around(function: Callable[..., Any]) -> Callable[..., Any]:
    def counted(*args: Any, **more: Any) -> Any:
        point()
        result = function(*args, **more)
        point()
        return result

    return counted


event.listen(Engine, "commit", point)
Sandbox._answer = around(Sandbox._answer)  # type: ignore[method-assign]
Folder.send = around(Folder.send)  # type: ignore[method-assign]
sys.argv = ["csctl", *sys.argv[2:]]
next(iter(importlib.metadata.entry_points(group="console_scripts", name="csctl"))).load()()
