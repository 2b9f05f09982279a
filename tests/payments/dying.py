"""csctl, killed at a chosen point: `killed_at`.

The points are those of `csctl.fault_points`: before and after each commit, before a gateway is called, after it has
answered, and after an email was sent. They are counted from 1; a run that has fewer ends as usual.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Sequence

from csctl import fault_points
from csctl.fault_points import Point
from tests.shops import Shop

# At any other point a killed process leaves what it left at the one before.
TELLING = {
    *(Point.CHANGE_KEPT, Point.INTENT_KEPT, Point.ANSWERED, Point.OUTCOME_KEPT),
    *(Point.EMAIL_CLAIMED, Point.EMAIL_SENT, Point.EMAIL_MARKED),
}
Place = int | Point  # the number of a point, or its name
_MOST = 60  # more than any run here has


def points(full: bool, values: Sequence[object] = ("",), value: object = "") -> range:
    """The points at which to kill a run, each in turn. It ends before the last one.

    Where a test has one run for each of some `values`, a quick run kills at each point for one of them.
    """
    return range(1, _MOST) if full else range(1 + values.index(value), _MOST, len(values))


def before(place: Place, *, all_points: bool = False) -> tuple[str, ...]:
    """For `before` of a process: it is killed at the point of this number, of all points or of those that are telling;
    or where it first reaches this one.
    """
    if isinstance(place, int):
        return __name__, "die", str(place), *(Point if all_points else TELLING)
    return __name__, "die", "1", place


def killed_at(shop: Shop, place: Place, words: str, at: str | None = None, *, all_points: bool = False) -> bool:
    """Whether a command was killed at a point; False if it ended before."""
    process = shop.start(words, at=at, before=before(place, all_points=all_points))
    _, said = process.communicate(timeout=120)
    assert process.returncode in (-9, 0, 3, 5, 9, 12), said
    return process.returncode == -9


def die(number: str, *counted: str) -> None:
    """Have this process killed at a point: the one of this number among these."""
    left, counting = int(number), threading.Lock()

    def reached(point: Point) -> None:
        nonlocal left
        with counting:
            left -= point in counted
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    fault_points.hook = reached
