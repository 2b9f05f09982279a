"""Break each rule in turn and run the tests that could notice. Prints what survived."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from queue import Queue

from tests.databases import KEPT, keep_template
from tests.mutants import found, guards
from tests.mutants.mutant import ROOT, Mutant, Stale, from_rules, rules

_LINKED = ("commands", "migrations", "templates")  # beside the package in a checkout, inside it where it is imported
_SECONDS = 300  # that the tests of one mutant may take; more is taken for noticed: it hangs
NOTICED = "noticed"

Place = tuple[Path, "Runner"]  # a copy of the project to break, and what runs the tests there


def main() -> int:
    options = _options()
    mutants = _chosen(options)
    if options.list:
        print(*(f"{mutant.name}  {mutant.says}" for mutant in mutants), sep="\n")
        return 0
    bad: list[tuple[str, Mutant]] = []
    for number, (mutant, verdict) in enumerate(verdicts(mutants, options.jobs, checked=not options.unchecked), 1):
        print(f"{number}/{len(mutants)}  {verdict:9}  {mutant.name}  {mutant.says}", flush=True)
        if verdict != NOTICED:
            bad.append((verdict, mutant))
    print(*(f"{verdict:9}  {mutant.name}  {mutant.says}" for verdict, mutant in bad), sep="\n")
    without = sum("impossible" in rule for rule in rules())
    print(f"{len(mutants)} mutants, {len(bad)} not noticed; {without} rules have none")
    return 1 if bad else 0


def verdicts(mutants: list[Mutant], jobs: int = 1, *, checked: bool = True) -> Iterator[tuple[Mutant, str]]:
    """Try the mutants, and say of each whether its tests noticed it. `checked`: without a mutant they pass."""
    with _places(jobs) as places, ThreadPoolExecutor(jobs) as pool:
        if checked:
            _require_success(mutants, places)
        yield from pool.map(lambda mutant: (mutant, _try(mutant, places)), mutants)


def _require_success(mutants: list[Mutant], places: Queue[Place]) -> None:
    """Without a mutant all of the tests pass: else those that fail would notice anything. Raises SystemExit."""
    copy, runner = place = places.get()
    tests = sorted({test for mutant in mutants for test in mutant.tests})
    if _run(runner, copy, tests, Mutant("", "", ())):
        raise SystemExit(f"without a mutant tests fail:\n{_log(copy)}")
    places.put(place)


def _chosen(options: argparse.Namespace) -> list[Mutant]:
    mutants = [*from_rules(), *found.all_found()]
    if options.section:
        mutants = [mutant for mutant in mutants if mutant.name.startswith(f"{options.section}.")]
    return [mutant for mutant in mutants if mutant.name.startswith(tuple(options.names))]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--section", type=int, help="The rules of this section of the domain alone.")
    parser.add_argument("names", nargs="*", default=[""], help="Beginnings of names [default: all mutants].")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="How many at once [default: one a core].")
    parser.add_argument("--unchecked", action="store_true", help="Do not run the tests without a mutant first.")
    parser.add_argument("--list", action="store_true", help="Print the mutants and run nothing.")
    return parser.parse_args()


@contextmanager
def _places(count: int) -> Iterator[Queue[Place]]:
    """Where mutants are tried, one at a time in each."""
    places: Queue[Place] = Queue()
    with tempfile.TemporaryDirectory(prefix="csctl-mutants-") as folder:
        keep_template(Path(folder))
        for number in range(count):
            places.put((copied(Path(folder) / str(number)), Runner()))
        yield places
        while not places.empty():
            places.get()[1].end()


def copied(target: Path) -> Path:
    """A copy of the project that may be broken."""
    for name in ("csctl", *_LINKED, "tests", "docs", "benchmarks"):
        shutil.copytree(ROOT / name, target / name, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("pyproject.toml", "requirements.lock", "README.md", "CHANGELOG.md", "CONTRIBUTING.md"):
        shutil.copy(ROOT / file, target / file)
    for name in _LINKED:  # so that Python finds them in this copy and not where csctl is installed
        (target / "csctl" / name).symlink_to(target / name)
    return target


def _try(mutant: Mutant, places: Queue[Place]) -> str:
    copy, runner = place = places.get()
    try:
        mutant.apply(copy)
        return _verdict(mutant, copy, runner)
    except Stale as stale:
        print(stale, file=sys.stderr)
        return "STALE"
    finally:
        mutant.undo(copy)
        places.put(place)


def _verdict(mutant: Mutant, copy: Path, runner: Runner) -> str:
    """Whether one of its tests fails. Where they cannot even be collected, the result is unknown: it is invalid."""
    code = _run(runner, copy, mutant.tests, mutant)
    if code == 0:
        return "SURVIVED"
    if code == 1 or code == -signal.SIGALRM:
        return NOTICED
    print(f"{mutant.name}: the tests did not run: {_log(copy)}", file=sys.stderr)
    return "INVALID"


def _run(runner: Runner, copy: Path, tests: Iterable[str], mutant: Mutant) -> int:
    env = {"PYTHONPATH": str(copy), guards.VARIABLE: mutant.drop}
    env |= {KEPT: "" if mutant.changes_schema else str(copy.parent)}
    return runner.run(copy, ["-x", "-q", "--quick", "-n", "0", "-p", "no:cacheprovider", *tests], env)


def _log(copy: Path) -> str:
    return (copy / "log").read_text()[-3000:]


class Runner:
    """A process that runs pytest (runner.py)."""

    def __init__(self) -> None:
        words = [sys.executable, "-m", "tests.mutants.runner"]
        self._process = subprocess.Popen(words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def run(self, folder: Path, arguments: list[str], env: dict[str, str]) -> int:
        """The exit code of pytest."""
        assert self._process.stdin
        assert self._process.stdout
        request = {"folder": str(folder), "arguments": arguments, "env": env, "seconds": _SECONDS}
        print(json.dumps(request), file=self._process.stdin, flush=True)
        return int(self._process.stdout.readline())

    def end(self) -> None:
        self._process.communicate()


if __name__ == "__main__":
    sys.exit(main())
