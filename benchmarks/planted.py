"""How soon the simulation finds planted bugs: python -m benchmarks simulation --planted [--minutes N]"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.mutants.__main__ import copied
from tests.mutants.mutant import Mutant, planted


def find_all(minutes: float, seed: int) -> bool:
    """Print of each bug whether it was found, and after how many seconds. Returns whether all were."""
    with tempfile.TemporaryDirectory(prefix="csctl-planted-") as folder:
        place = copied(Path(folder) / "csctl")
        seconds = [(bug, _seconds_to_find(bug, place, minutes, seed)) for bug in planted()]
    return all(found is not None for _, found in seconds)


def _seconds_to_find(bug: Mutant, place: Path, minutes: float, seed: int) -> float | None:
    words = ["-m", "benchmarks", "simulation", "--minutes", str(minutes), "--seed", str(seed)]
    env = {**os.environ, "PYTHONPATH": str(place)}
    bug.apply(place)
    begun = time.monotonic()
    ended = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, *words], cwd=place, env=env, capture_output=True, text=True, check=False
    )
    taken = time.monotonic() - begun
    bug.undo(place)
    found = ended.returncode != 0 and "AssertionError" in ended.stderr
    print(f"{bug.says}: {f'found after {taken:.0f} seconds' if found else 'NOT FOUND'}", flush=True)
    return taken if found else None
