"""A csctl that sleeps for longer than its lease, at any point, and wakes: what others did since then stands."""

from __future__ import annotations

import itertools

import pytest

from csctl.fault_points import Point
from tests.proof.crashes import GATEWAYS
from tests.proof.scenes import SCENES
from tests.proof.stops import stop
from tests.shops import Shop

pytestmark = pytest.mark.both_databases
# Where a transaction is open others wait for its locks: a quick run leaves these points out.
_SPREAD = [
    ("refund", "asked", "sqlite", [Point.INTENT_KEPT, Point.ANSWERED]),
    ("order refund", "keys", "postgresql", [Point.CALLING]),
    ("queue retry", "both", "postgresql", [Point.CHANGE_KEPT, Point.OUTCOME_KEPT]),
    ("billing run", "asked", "sqlite", [Point.ANSWERED]),
]


@pytest.mark.parametrize(("scene", "gateway", "backend", "points"), _SPREAD, indirect=["backend"])
def test_a_command_that_slept_undoes_and_repeats_nothing(
    shop: Shop, scene: str, gateway: str, points: list[Point]
) -> None:
    tally = stop(shop, SCENES[scene], points, gateway)

    assert tally.found == []
    assert tally.kills == len(points)


@pytest.mark.full
@pytest.mark.parametrize("scene", SCENES)
@pytest.mark.parametrize(
    ("gateway", "backend"), list(itertools.product(GATEWAYS, ("sqlite", "postgresql"))), indirect=["backend"]
)
def test_at_every_point(shop: Shop, scene: str, gateway: str) -> None:
    tally = stop(shop, SCENES[scene], Point, gateway)

    assert tally.found == []
    assert tally.kills >= 5, "the intent, the call and the outcome"
