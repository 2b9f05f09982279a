"""How fast csctl is: python -m benchmarks [--rows N] [--database URL] [--only FIGURE …] [--write]

Makes a shop of N customers (10,000 unless said otherwise), takes each figure next to what a user would use instead, in
the same run, and prints the ratios. With --write the table goes into docs/performance.md. A shop in --folder is kept,
and used again by the next run. python -m benchmarks simulation runs random days of a shop instead.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks import table
from benchmarks.figure import Result, open_bench
from benchmarks.figures import FIGURES


def main() -> None:
    if sys.argv[1:2] == ["simulation"]:
        from benchmarks import simulation

        simulation.main(sys.argv[2:])
        return
    given = _arguments()
    results: list[Result] = []
    with _folder(given.folder) as folder:
        bench = open_bench(given.database, given.rows, folder, queued=min(100_000, given.rows // 10))
        for name in given.only or FIGURES:
            print(f"{name} …", file=sys.stderr, flush=True)
            results += FIGURES[name](bench)
    print("\n".join(table.lines(results)))
    if given.write:
        table.write(f"{bench.backend}, {bench.rows:,} customers", results)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000, help="customers of the shop [default: 10000]")
    parser.add_argument("--database", metavar="URL", help="an empty database [default: a SQLite file in the folder]")
    parser.add_argument("--only", action="append", choices=list(FIGURES), help="this figure; may be repeated")
    parser.add_argument("--folder", type=Path, help="where the shop is kept [default: a temporary folder]")
    parser.add_argument("--write", action="store_true", help="write the table into docs/performance.md")
    return parser.parse_args()


@contextmanager
def _folder(kept: Path | None) -> Iterator[Path]:
    if kept:
        kept.mkdir(parents=True, exist_ok=True)
        yield kept.resolve()
    else:
        with tempfile.TemporaryDirectory() as made:
            yield Path(made)


if __name__ == "__main__":
    main()
