"""The crash driver: a csctl is killed at a point, the next one too, then cron runs until all is at rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.payments import dying
from tests.payments.dying import Place
from tests.proof import books
from tests.proof.scenes import Moment, Scene
from tests.shops import Shop

# What a gateway can do: honor keys and be asked, one of the two, or neither (then a person decides).
GATEWAYS = {
    "both": "idempotency=on",
    "asked": "idempotency=off",
    "keys": "lookup=off",
    "neither": "idempotency=off&lookup=off",
}
MOST = 60  # more points than any command here has


@dataclass
class Tally:
    """What a driver did, and what it found wrong at the end."""

    rounds: int = 0
    kills: int = 0
    decided: int = 0  # attempts that were left to a person
    found: list[str] = field(default_factory=list)


def crash(
    shop: Shop, scene: Scene, points: Sequence[tuple[Place, int]], gateway: str, *, all_points: bool = False
) -> Tally:
    """Kill a command at the first point of each pair and the command that follows at the second (0: let it be).

    Each pair has records of its own. Points beyond the end of the command are left out. Without `all_points` those are
    counted that leave something else than the one before (`dying.TELLING`).
    """
    shop.env["CSCTL_GATEWAY_MAIN"] += f"?{GATEWAYS[gateway]}"
    tally, ended = Tally(), MOST
    shop("txn reconcile")  # remembers the account, so that the points of all rounds are the same
    for first, second in points:
        if isinstance(first, int) and first >= ended:
            continue
        moment = Moment(tally.rounds + 1)
        shop.now = moment.at("08:00:00")
        words = scene.prepare(shop, moment)
        shop.adopt()
        tally.rounds += 1
        if dying.killed_at(shop, first, words, moment.at("09:00:00"), all_points=all_points):
            tally.kills += 1
        elif isinstance(first, int):
            ended = first
        _go_on(shop, scene, second, words, moment, tally)
    judge(shop, scene, tally)
    return tally


def judge(shop: Shop, scene: Scene, tally: Tally) -> None:
    """Compare the books with the ledger and the outbox, once all is at rest. `pytest -rP` shows what is printed."""
    print(f"{scene.name}: {tally.rounds} runs, {tally.kills} kills or stops, {tally.decided} left to a person")
    shop.now = Moment(tally.rounds + 6).at("12:00:00")
    tally.found = books.disagreements(shop)
    if scene.returns:
        tally.found += [] if len(books.returned(shop)) == tally.rounds else [f"{tally.rounds} rounds: lost"]
        announced = len(books.announced(shop))
        tally.found += [] if announced == tally.rounds else [f"{tally.rounds} rounds, {announced} announced"]
        tally.found += [f"paid twice {ref}" for ref, times in books.returned(shop).items() if times > 1]


def _go_on(shop: Shop, scene: Scene, second: int, words: str, moment: Moment, tally: Tally) -> None:
    """What follows a crash: once the lease is over the same is asked for again, and cron runs."""
    again = scene.again(words)
    if second and dying.killed_at(shop, second, again, moment.at("09:06:00")):
        tally.kills += 1
    shop("txn reconcile", at=moment.at("09:12:00"))
    tally.decided += decide(shop, moment.at("09:12:30"))
    shop(again, at=moment.at("09:13:00"))
    cron = "queue retry" if scene.returns else "billing run"
    shop(cron, at=moment.at("09:20:00"))
    shop(cron, at=moment.at("09:00:00", days=1))


def decide(shop: Shop, at: str) -> int:
    """Say of each attempt that stayed unknown what the gateway's own page shows. Returns how many there were."""
    unknown = shop.sql("SELECT id, key FROM transactions WHERE state = 'unknown'")
    page = {row["key"]: row for row in shop.ledger() if row["result"] == "approved"}
    for row in unknown:
        seen = page.get(row["key"])
        moved = seen if seen and seen["result"] == "approved" else None  # a refusal is there, too
        words = f"--as approved --reference {moved['ref']}" if moved else "--as failed"
        shop(f"txn reconcile txn_{row['id']} {words}", at=at)
    return len(unknown)
