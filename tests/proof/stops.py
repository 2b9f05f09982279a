"""The driver that stops a csctl instead of killing it: it sleeps for longer than its lease, others work, it wakes."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterable
from pathlib import Path

from csctl import fault_points
from csctl.fault_points import Point
from tests.proof.crashes import GATEWAYS, Tally, decide, judge
from tests.proof.scenes import Moment, Scene
from tests.running import Process
from tests.shops import Shop

_AWAY = 400  # seconds: longer than a lease
_ENDED = (0, 3, 5, 8, 9, 12)


def stop(shop: Shop, scene: Scene, points: Iterable[Point], gateway: str) -> Tally:
    """Stop a command where it first reaches each of these points, with records of its own. Once its lease is over the
    gateway is asked, and the same is run by another process; then it wakes. `kills` counts the stops.
    """
    shop.env["CSCTL_GATEWAY_MAIN"] += f"?{GATEWAYS[gateway]}"
    tally = Tally()
    shop("txn reconcile")  # remembers the account, so that it is a change of the command that is stopped
    for point in points:
        moment = Moment(tally.rounds + 1)
        shop.now = moment.at("08:00:00")
        words = scene.prepare(shop, moment)
        shop.adopt()
        tally.rounds += 1
        sleeper = shop.start(words, at=moment.at("09:00:00"), before=asleep_at(point))
        asleep = is_asleep(sleeper)
        tally.kills += asleep
        if asleep:
            shop("txn reconcile", at=moment.at("09:06:40"))
            shop(scene.again(words), at=moment.at("09:07:00"))
            os.kill(sleeper.pid, signal.SIGCONT)
        _, said = sleeper.communicate(timeout=120)
        assert sleeper.returncode in _ENDED, said
        _go_on(shop, scene, moment, tally)
    judge(shop, scene, tally)
    return tally


def _go_on(shop: Shop, scene: Scene, moment: Moment, tally: Tally) -> None:
    shop("txn reconcile", at=moment.at("09:15:00"))
    tally.decided += decide(shop, moment.at("09:15:30"))
    cron = "queue retry" if scene.returns else "billing run"
    shop(cron, at=moment.at("09:20:00"))
    shop(cron, at=moment.at("09:00:00", days=1))


def is_asleep(process: Process) -> bool:
    """Whether a process has stopped; False if it has ended."""
    end = time.monotonic() + 60
    while process.poll() is None:
        assert time.monotonic() < end
        if Path(f"/proc/{process.pid}/stat").read_text().rpartition(") ")[2].startswith("T"):
            return True
        time.sleep(0.01)
    return False


def asleep_at(point: Point, seconds: int = _AWAY) -> tuple[str, ...]:
    """For `before` of a process: it is stopped where it first reaches a point. Once it wakes the clock of the machine
    says that it slept for so long.
    """
    return __name__, "sleep", point, str(seconds)


def sleep(point: str, seconds: str) -> None:
    """Have this process stopped."""
    asleep, away, clock = threading.Lock(), 0, time.clock_gettime

    def reached(one: Point) -> None:
        nonlocal away
        if one == point and asleep.acquire(blocking=False):  # once
            os.kill(os.getpid(), signal.SIGSTOP)
            away = int(seconds)

    fault_points.hook = reached
    time.clock_gettime = lambda which: clock(which) + away  # what csctl measures its leases with
