"""How long processes that race, sleep and lose their database leave the books right:

    python -m benchmarks races [--minutes N]

Runs the tests in which several processes of csctl work on the same records, or one of them sleeps at a point of the
protocol or is cut off from its database, in a random order; their interleavings differ each time.
"""

from __future__ import annotations

import argparse
import random
import re
import subprocess
import sys
import time
from collections.abc import Iterator

_TESTS = (
    *("tests/proof/test_stops.py", "tests/proof/test_hosts.py", "tests/refunds/test_races.py"),
    *("tests/runs/test_taken_over.py", "tests/runs/test_database_gone.py", "tests/payments/test_cut_off.py"),
    *("tests/refunds/test_queue.py::test_two_runs_at_once_attempt_each_item_once",),
    *("tests/billing/test_run.py::test_two_runs_at_once_bill_each_purchase_once",),
)
_AT_ONCE = 6  # tests
_PYTEST = (sys.executable, "-m", "pytest", "--full", "-q", "-p", "no:cacheprovider", "-n", "0")


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks races", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30, help="how long [default: 30]")
    parser.add_argument("--seed", type=int, help="of the order [default: a random one]")
    given = parser.parse_args(arguments)
    seed = given.seed if given.seed is not None else random.SystemRandom().randrange(10**9)
    print(f"seed {seed}", flush=True)
    names, passed, end = _shuffled(seed), 0, time.monotonic() + given.minutes * 60
    while time.monotonic() < end:
        ended = _pytest([next(names) for _ in range(_AT_ONCE)])
        if ended.returncode:
            sys.exit(ended.stdout)
        passed += int(re.findall(r"(\d+) passed", ended.stdout)[-1])
        print(f"{passed:,} races: nothing doubled, nothing lost", flush=True)


def _shuffled(seed: int) -> Iterator[str]:
    """The tests, in another order each time."""
    lines = _pytest(["--collect-only", *_TESTS]).stdout.splitlines()
    names, chance = [line for line in lines if "::" in line], random.Random(seed)  # noqa: S311 - an order of tests
    while True:
        yield from chance.sample(names, len(names))


def _pytest(words: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*_PYTEST, *words], capture_output=True, text=True, check=False)  # noqa: S603 - our own tests
