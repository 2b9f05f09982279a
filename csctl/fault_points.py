"""The steps at which a process may die, by name, for tests that end or break a process at one of them.

Nothing happens at a point unless a test has set `hook`: a function that is called with each point that is reached, by
the thread that reaches it.

    fault_points.hook = lambda point: os.kill(os.getpid(), signal.SIGKILL) if point is Point.ANSWERED else None
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum


class Point(StrEnum):
    """In the order in which a refund reaches them. The first two are those of any other transaction."""

    CHANGE_WRITTEN = "change written"  # not committed yet
    CHANGE_KEPT = "change kept"  # committed
    INTENT_WRITTEN = "intent written"  # not committed yet
    INTENT_KEPT = "intent kept"  # committed; nothing was sent
    CALLING = "calling"  # in a thread, just before the gateway is called
    ANSWERED = "answered"  # in a thread, just after the gateway has answered
    OUTCOME_WRITTEN = "outcome written"  # not committed yet
    OUTCOME_KEPT = "outcome kept"  # committed, with the emails that announce it
    EMAIL_CLAIMED = "email claimed"  # committed; nothing was sent
    EMAIL_SENT = "email sent"  # the mark is not committed yet
    EMAIL_MARKED = "email marked"  # committed


Around = tuple[Point, Point]  # the points before and after a commit

CHANGE: Around = (Point.CHANGE_WRITTEN, Point.CHANGE_KEPT)
INTENT: Around = (Point.INTENT_WRITTEN, Point.INTENT_KEPT)
OUTCOME: Around = (Point.OUTCOME_WRITTEN, Point.OUTCOME_KEPT)
CLAIM: Around = (Point.CHANGE_WRITTEN, Point.EMAIL_CLAIMED)
MARK: Around = (Point.EMAIL_SENT, Point.EMAIL_MARKED)


hook: Callable[[Point], None] | None = None


def reached(point: Point) -> None:
    """Say that a step is reached."""
    if hook is not None:
        hook(point)
