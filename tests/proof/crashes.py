"""The crash driver: a csctl is killed at a point, the next one too, then cron runs until all is at rest."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.payments import dying
from tests.proof import books
from tests.proof.scenes import Moment, Scene
from tests.shops import Shop

# What a gateway can do: honor keys and be asked, one of the two, or neither.
GATEWAYS = {
    "both": "idempotency=on",
    "asked": "idempotency=off",
    "keys": "lookup=off",
}
_MOST = 40  # more points than any command here has
_ENDS = {0, 3, 5, 9, 12}  # exit codes of a command that was not killed


@dataclass
class Tally:
    """What a driver did: how many commands were killed, and what was found wrong at the end."""

    rounds: int = 0
    kills: int = 0
    found: list[str] = field(default_factory=list)


def killed(shop: Shop, point: int, words: str, at: str) -> bool:
    """Whether a command was killed at a point; False if it ended before."""
    process = shop.start(words, at=at, before=dying.at(point))
    _, said = process.communicate(timeout=120)
    assert process.returncode == -9 or process.returncode in _ENDS, said
    return process.returncode == -9


def crash(shop: Shop, scene: Scene, points: list[tuple[int, int]], gateway: str) -> Tally:
    """Kill a command at the first point of each pair and the command that follows at the second (0: let it be).

    Each pair has records of its own. Points beyond the end of the command are left out.
    """
    shop.env["CSCTL_GATEWAY_MAIN"] += f"?{GATEWAYS[gateway]}"
    tally, ended = Tally(), _MOST
    for first, second in points:
        if first >= ended:
            continue
        moment = Moment(tally.rounds + 1)
        shop.now = moment.at("08:00:00")
        words = scene.prepare(shop, moment)
        shop.adopt()
        tally.rounds += 1
        if killed(shop, first, words, moment.at("09:00:00")):
            tally.kills += 1
        else:
            ended = min(ended, first)
        _go_on(shop, scene, second, words, moment, tally)
    shop.now = Moment(tally.rounds + 6).at("12:00:00")
    tally.found = books.disagreements(shop)
    if scene.returns:
        tally.found += [] if len(books.returned(shop)) == tally.rounds else [f"{tally.rounds} rounds: lost"]
        tally.found += [f"paid twice {ref}" for ref, times in books.returned(shop).items() if times > 1]
    return tally


def _go_on(shop: Shop, scene: Scene, second: int, words: str, moment: Moment, tally: Tally) -> None:
    """What follows a crash: once the lease is over the same is asked for again, and cron runs."""
    again = scene.again(words)
    if second and killed(shop, second, again, moment.at("09:06:00")):
        tally.kills += 1
    for time, command in (
        ("09:12:00", "txn reconcile"),
        ("09:13:00", again),
        ("09:20:00", "queue retry"),
        ("09:30:00", "billing run"),
    ):
        shop(command, at=moment.at(time))
    shop("queue retry", at=moment.at("09:00:00", days=1))
