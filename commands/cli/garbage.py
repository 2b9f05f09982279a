"""When Python collects garbage: objects that refer to each other in a circle.

A short command makes many objects and drops few: looking takes a seventh of its time. A command that works for hours
needs it: the errors of its records are such objects.
"""

from __future__ import annotations

import gc

_WHILE_STARTING = 200_000
_AT_WORK = 2_000


def ignore() -> None:
    """Look hardly ever, until a command begins its work."""
    gc.set_threshold(_WHILE_STARTING)


def collect_again() -> None:
    """Look often, but not at what was imported. Does nothing in a process that has not called `ignore`."""
    if gc.get_threshold()[0] == _WHILE_STARTING:
        gc.freeze()
        gc.set_threshold(_AT_WORK)
