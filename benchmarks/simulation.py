"""How long random days of a shop keep its books right: python -m benchmarks simulation [--minutes N]

Prints the seed of each batch, so that a failure can be repeated with --seed, and how many steps were taken: operations,
faults and jumps of the clock.
"""

from __future__ import annotations

import argparse
import gc
import itertools
import random
import sys
import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.databases import make_template
from tests.proof.inside import Inside
from tests.proof.simulation import machine

_BATCH = 20  # shops
_MEMORY = Path("/dev/shm")  # noqa: S108 - files in memory, in a folder of their own


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks simulation", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30, help="how long [default: 30]")
    parser.add_argument("--seed", type=int, help="the first batch's seed [default: a random one]")
    parser.add_argument("--planted", action="store_true", help="break csctl in ways that it must find, each in turn")
    given = parser.parse_args(arguments)
    first = given.seed if given.seed is not None else random.SystemRandom().randrange(10**9)
    if given.planted:
        from benchmarks import planted

        sys.exit(0 if planted.find_all(given.minutes, first) else 1)
    memory = _MEMORY if _MEMORY.is_dir() else None
    with tempfile.TemporaryDirectory(dir=memory) as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", folder)
        _run(Path(folder), first, time.monotonic() + given.minutes * 60)


def _run(folder: Path, first: int, end: float) -> None:
    days = machine(Inside(folder, make_template(folder, None, "simulation")))
    how = settings(
        max_examples=_BATCH,
        stateful_step_count=200,  # of longer shops fewer are made and brought to rest, which takes a fifth of the time
        deadline=None,
        database=None,
        phases=[Phase.generate],  # to shrink a failure takes longer than to read it
        suppress_health_check=list(HealthCheck),
    )
    shops = 0
    gc.freeze()  # what is loaded by now stays: it need not be looked through again and again
    gc.set_threshold(50_000, 20, 50)
    for number in itertools.count(first):
        print(f"seed {number}", flush=True)
        run_state_machine_as_test(seed(number)(days), settings=how)
        shops += _BATCH
        print(
            f"{days.steps:,} steps, {days.operations:,} of them commands, on {shops:,} shops:"
            " nothing doubled, nothing lost",
            flush=True,
        )
        if time.monotonic() > end:
            return
