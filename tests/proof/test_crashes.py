"""csctl is killed at every point of every money command, and again in what follows: once is once (domain rules, 3)."""

from __future__ import annotations

import itertools

import pytest

from csctl.fault_points import Point
from tests.payments.dying import Place
from tests.proof.crashes import GATEWAYS, MOST, crash
from tests.proof.scenes import SCENES
from tests.shops import Shop

pytestmark = pytest.mark.both_databases
_BACKENDS = ("sqlite", "postgresql")
_POINTS = range(1, MOST)
# A quick run takes each point of a scene once: at one of the gateways, on one of the databases.
_PLACES = list(itertools.product(GATEWAYS, _BACKENDS))
_QUICK = [("asked", "sqlite"), ("asked", "postgresql"), ("keys", "sqlite"), ("neither", "sqlite")]


def _pairs(gateway: str, place: int) -> list[tuple[Place, int]]:
    """Points of the first command, and for each one of what follows. Where nothing but the key keeps a gateway from
    paying again, one is that at which it has paid.
    """
    paid: list[tuple[Place, int]] = [(Point.ANSWERED, 1)] if gateway == "keys" else []
    return paid + [(first, 1 + (first * 5 + place) % 7) for first in _POINTS if first % len(_QUICK) == place]


@pytest.mark.parametrize("scene", SCENES)
@pytest.mark.parametrize(("gateway", "backend"), _QUICK, indirect=["backend"])
def test_killed_twice_each_command_has_its_effect_once(shop: Shop, scene: str, gateway: str, backend: str) -> None:
    place = _QUICK.index((gateway, backend))

    tally = crash(shop, SCENES[scene], _pairs(gateway, place), gateway)

    assert tally.found == []
    assert tally.kills >= tally.rounds - 1  # the last one ended before its point


@pytest.mark.full
@pytest.mark.parametrize("scene", SCENES)
@pytest.mark.parametrize(("gateway", "backend"), _PLACES, indirect=["backend"])
@pytest.mark.parametrize("second", range(14))
def test_every_pair_of_points(shop: Shop, scene: str, gateway: str, backend: str, second: int) -> None:
    """The whole product: each point of the first command with each of what follows (0: it is let be)."""
    tally = crash(shop, SCENES[scene], [(first, second) for first in _POINTS], gateway, all_points=True)

    assert tally.found == []
    assert tally.kills >= tally.rounds - 1  # the last one ended before its point
