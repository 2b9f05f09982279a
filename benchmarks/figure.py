"""What a figure is: a measurement of csctl next to that of what a user would use instead, in the same run."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from sqlalchemy import Engine, event

from benchmarks import seed
from csctl import database
from csctl.app import App
from csctl.bootstrap import start
from csctl.settings import load

CSCTL = str(Path(sysconfig.get_path("scripts")) / "csctl")
# With PYTHONDONTWRITEBYTECODE, the start would be that of code that is compiled each time.
_NOT_PASSED_ON = ("CSCTL_", "PYTHONDONTWRITEBYTECODE")
_PEAK = (
    "import resource, subprocess, sys; r = subprocess.call(sys.argv[1:], stdout=subprocess.DEVNULL); "
    "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss); sys.exit(r)"
)
NOW = seed.NOW.isoformat()


@dataclass(frozen=True)
class Result:
    """One line of the table. `goal` says which ratio of `ours` to `other` is wanted: `at most 1.4`."""

    name: str
    ours: float
    other: float | None = None
    unit: str = "ms"
    instead: str = ""
    goal: str = ""

    @property
    def ratio(self) -> float | None:
        return self.ours / self.other if self.other else None


@dataclass
class Bench:
    """A rehearsal shop of the wanted size, and how csctl is run on it."""

    url: str
    rows: int
    folder: Path
    env: dict[str, str] = field(default_factory=dict)

    @property
    def backend(self) -> str:
        return "SQLite" if self.url.startswith("sqlite") else "PostgreSQL"

    def engine(self) -> Engine:
        return database.connect(self.url)

    def run(self, words: str, *, env: Mapping[str, str] | None = None, input: str = "") -> str:
        """What csctl prints. Raises CalledProcessError where it fails."""
        done = subprocess.run(  # noqa: S603 - our own program
            [CSCTL, *words.split()],
            env={**self.env, **(env or {})},
            input=input,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        return done.stdout


def peak(bench: Bench, words: str, input: str = "") -> float:
    """The most memory that a command of csctl takes, in MB."""
    command = [sys.executable, "-c", _PEAK, CSCTL, *words.split()]
    done = subprocess.run(command, env=bench.env, input=input, stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603
    return int(done.stdout) / 1024


Figure = Callable[[Bench], Iterator[Result]]


def open_bench(url: str | None, rows: int, folder: Path, *, queued: int) -> Bench:
    """The shop: made where the database is empty, else taken as it is.

    Its token is kept in the folder.
    """
    bench = Bench(url or f"sqlite:///{folder / f'shop-{rows}.db'}", rows, folder)
    kept = folder / f"token-{bench.backend.lower()}-{rows}"
    bench.env = {
        **{name: value for name, value in os.environ.items() if not name.startswith(_NOT_PASSED_ON)},
        "CSCTL_DATABASE_URL": bench.url,
        "CSCTL_GATEWAY_MAIN": f"sandbox:{folder / f'sandbox-{rows}.db'}",
        "CSCTL_NOW": NOW,
    }
    if not kept.exists():
        made = bench.run("db init --admin bench --rehearsal -o json")
        print(f"Making a shop of {rows:,} customers …", file=sys.stderr, flush=True)
        engine = bench.engine()
        seed.fill(engine, rows, queued=queued)
        engine.dispose()
        kept.write_text(json.loads(made)["token"])
    bench.env["CSCTL_TOKEN"] = kept.read_text()
    bench.run("db upgrade -q")  # a shop that was kept may be older than this csctl
    return bench


@contextmanager
def opened(bench: Bench, command: str) -> Iterator[App]:
    """The App of a command, in this process."""
    app = start(load(bench.env, options={}, env_file=None), command)
    try:
        yield app
    finally:
        app.close()


def waited_for(engine: Engine, call: Callable[[], object], times: int = 5) -> float:
    """How long the database takes for what a call reads, in milliseconds: its statements are sent again with the driver
    alone. The least of several times, as other work on the machine only adds to it.
    """
    sent: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_more: Any) -> None:
        if re.match(r"\s*(SELECT|WITH|SET)", statement):
            sent.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", note)
    try:
        call()
    finally:
        event.remove(engine, "before_cursor_execute", note)
    took = []
    with engine.connect() as connection:
        cursor = connection.connection.cursor()
        clock = _clock(cursor, sqlite=engine.dialect.name == "sqlite")
        for _ in range(times):
            begun = clock()
            for one in sent:
                cursor.execute(*one)
                if cursor.description:
                    cursor.fetchall()
            took.append(clock() - begun)
            connection.rollback()  # ends what was set for the transaction
    return min(took) * 1000


def _clock(cursor: Any, *, sqlite: bool) -> Callable[[], float]:
    """The processor time of the database, not that of other work; of a server elsewhere, the time that passes."""
    if sqlite:
        return time.process_time  # it works in this process
    used = Path(f"/proc/{cursor.execute('SELECT pg_backend_pid()').fetchone()[0]}/schedstat")
    return (lambda: int(used.read_text().split()[0]) / 1e9) if used.exists() else time.perf_counter


def alternately(ours: Callable[[], object], other: Callable[[], object], times: int = 11) -> tuple[float, float]:
    """The medians of both in milliseconds, taken in turns, so that a busy moment hits both."""
    pairs = [(_once(ours), _once(other)) for _ in range(times)]
    return median(pair[0] for pair in pairs) * 1000, median(pair[1] for pair in pairs) * 1000


def _once(call: Callable[[], object]) -> float:
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun
