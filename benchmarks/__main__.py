"""How fast csctl is: python -m benchmarks [--rows N …] [--database URL] [--only FIGURE …] [--write]

Makes a shop of N customers (10,000 unless said otherwise), takes each figure next to what a user would use instead, in
the same run, and prints the ratios; of several shops, how the figures grow. With --write the table goes into
docs/performance.md. A shop in --folder is kept, and used again by the next run. python -m benchmarks simulation runs
random days of a shop instead, and python -m benchmarks races processes that work on the same records.
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
    if sys.argv[1:2] == ["races"]:
        from benchmarks import races

        races.main(sys.argv[2:])
        return
    given = _arguments()
    sizes: dict[int, list[Result]] = {}
    with _folder(given.folder) as folder:
        for rows in sorted(given.rows):
            url = given.database and given.database.replace("ROWS", str(rows))
            bench = open_bench(url, rows, folder, queued=min(100_000, rows // 10))
            sizes[rows] = []
            for name in given.only or FIGURES:
                print(f"{rows:,} customers: {name} …", file=sys.stderr, flush=True)
                sizes[rows] += FIGURES[name](bench)
    lines = table.lines(*sizes.values()) if len(sizes) == 1 else table.growth(sizes)
    print("\n".join(lines))
    if given.write:
        table.write(f"{bench.backend}, {' / '.join(f'{rows:,}' for rows in sizes)} customers", lines)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--rows", type=int, nargs="+", default=[10_000], help="customers of the shop; of several shops [default: 10000]"
    )
    parser.add_argument(
        "--database",
        metavar="URL",
        help="an empty database, with ROWS in its name for several shops [default: a SQLite file in the folder]",
    )
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
