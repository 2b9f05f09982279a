"""Break each rule in turn and run the tests that could notice. Prints what survived."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from queue import Queue

from tests.databases import KEPT, keep_template
from tests.mutants import found, guards
from tests.mutants.mutant import ROOT, Mutant, Stale, from_rules, rules

_LINKED = ("commands", "migrations", "templates")  # beside the package in a checkout, inside it where it is imported
_SECONDS = 300  # that the tests of one mutant may take; more is taken for noticed: it hangs
_NOTICED = "noticed"


def main() -> int:
    options = _options()
    mutants = _chosen(options)
    if options.list:
        print(*(f"{mutant.name}  {mutant.says}" for mutant in mutants), sep="\n")
        return 0
    bad: list[tuple[str, Mutant]] = []
    with _copies(options.jobs) as copies, ThreadPoolExecutor(options.jobs) as pool:
        for number, (mutant, verdict) in enumerate(pool.map(lambda m: (m, _try(m, copies)), mutants), 1):
            print(f"{number}/{len(mutants)}  {verdict:9}  {mutant.name}  {mutant.says}", flush=True)
            if verdict != _NOTICED:
                bad.append((verdict, mutant))
    print(*(f"{verdict:9}  {mutant.name}  {mutant.says}" for verdict, mutant in bad), sep="\n")
    without = sum("impossible" in rule for rule in rules())
    print(f"{len(mutants)} mutants, {len(bad)} not noticed; {without} rules have none")
    return 1 if bad else 0


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
    parser.add_argument("--list", action="store_true", help="Print the mutants and run nothing.")
    return parser.parse_args()


@contextmanager
def _copies(count: int) -> Iterator[Queue[Path]]:
    """Copies of the project to break, one for each job."""
    copies: Queue[Path] = Queue()
    with tempfile.TemporaryDirectory(prefix="csctl-mutants-") as folder:
        keep_template(Path(folder))
        for number in range(count):
            copies.put(_copy(Path(folder) / str(number)))
        yield copies


def _copy(target: Path) -> Path:
    for name in ("csctl", *_LINKED, "tests", "docs"):
        shutil.copytree(ROOT / name, target / name, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("pyproject.toml", "README.md", "CHANGELOG.md", "CONTRIBUTING.md"):
        shutil.copy(ROOT / file, target / file)
    for name in _LINKED:  # so that Python finds them in this copy and not where csctl is installed
        (target / "csctl" / name).symlink_to(target / name)
    return target


def _try(mutant: Mutant, copies: Queue[Path]) -> str:
    copy = copies.get()
    try:
        mutant.apply(copy)
        return _verdict(mutant, copy)
    except Stale as stale:
        print(stale, file=sys.stderr)
        return "STALE"
    finally:
        mutant.undo(copy)
        copies.put(copy)


def _verdict(mutant: Mutant, copy: Path) -> str:
    """Whether one of its tests fails. Where they cannot even be collected, nobody knows: it is invalid."""
    tests = [test for test in mutant.tests if (copy / test.partition("::")[0]).exists()]
    env = {**os.environ, "PYTHONPATH": str(copy)}
    env |= {guards.VARIABLE: mutant.drop} if mutant.drop else {}
    env |= {} if mutant.changes_schema else {KEPT: str(copy.parent)}
    words = [sys.executable, "-m", "pytest", "-x", "-q", "--quick", "-n", "0", "-p", "no:cacheprovider", *tests]
    words += ["-k", mutant.only] if mutant.only else []
    try:
        done = subprocess.run(words, check=False, cwd=copy, env=env, capture_output=True, text=True, timeout=_SECONDS)
    except subprocess.TimeoutExpired:
        return _NOTICED
    if done.returncode in (0, 1):
        return _NOTICED if done.returncode else "SURVIVED"
    print(f"{mutant.name}: the tests did not run: {done.stdout[-2000:]}{done.stderr[-2000:]}", file=sys.stderr)
    return "INVALID"


if __name__ == "__main__":
    sys.exit(main())
