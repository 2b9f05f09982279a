"""How long random days of a shop keep its books right: python -m benchmarks simulation [--minutes N]

Prints the seed of each batch, so that a failure can be repeated with --seed, and at the end how many operations were
carried out.
"""

from __future__ import annotations

import argparse
import itertools
import random
import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests import compiled
from tests.databases import make_template
from tests.proof.simulation import machine
from tests.shops import Shop

_BATCH = 20  # shops


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks simulation", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30, help="how long [default: 30]")
    parser.add_argument("--seed", type=int, help="the first batch's seed [default: a random one]")
    given = parser.parse_args(arguments)
    first = given.seed if given.seed is not None else random.SystemRandom().randrange(10**9)
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", folder)
        compiled.share(patch)
        steps, shops = _run(Path(folder), first, time.monotonic() + given.minutes * 60)
    print(f"{steps:,} operations on {shops:,} shops: nothing doubled, nothing lost")


def _run(folder: Path, first: int, end: float) -> tuple[int, int]:
    template, numbers = make_template(folder, None, "simulation"), itertools.count()

    def opened() -> Shop:
        place = folder / str(next(numbers))
        place.mkdir()
        with template.copied(place) as url:
            return Shop(place / "shop", url, template.tokens)

    days = machine(opened)
    how = settings(
        max_examples=_BATCH,
        stateful_step_count=60,
        deadline=None,
        database=None,
        phases=[Phase.generate],  # to shrink a failure takes longer than to read it
        suppress_health_check=list(HealthCheck),
    )
    for number in itertools.count(first):
        print(f"seed {number}: {days.steps:,} operations so far", flush=True)
        run_state_machine_as_test(seed(number)(days), settings=how)
        if time.monotonic() > end:
            return days.steps, next(numbers)
    raise AssertionError
