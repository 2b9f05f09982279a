"""What tests share. They go the public way in, the command line, and look at real files and real databases.

    def test_a_refund_reaches_the_gateway(shop: Shop) -> None:
        sale = make_sale(shop, amount="19.99")  # tests/factories.py

        done = shop(f"txn refund {sale} --yes -o json", as_="agent", at="2026-03-02T09:00:00Z")

        assert done.code == 0
        assert done.json[0]["outcome"] == "refunded"
        assert [row["kind"] for row in shop.ledger()] == ["sale", "refund"]

`shop`          an empty rehearsal database with a gateway `main` (sandbox) and mail to files, on SQLite or on
                PostgreSQL. `shop(words, as_=, at=, env=, input=)` runs csctl on it and gives a `Done`; the operator
                is `admin` unless `as_` says `agent` or `service`, and the time `shop.now`, unless `at` is given.
`csctl`         the same without a shop: `csctl(words, env={…}, input="…")`.
`database_url`  a database with the current schema and three operators; `empty_database_url` one with nothing in it.
`backend`       "sqlite" or "postgresql". A test for one of them alone is marked `one_database` where it does not matter
                which, or `on_sqlite` or `on_postgresql` (tests/selection.py).
`terminal`      csctl on a real terminal, a pexpect.spawn: `terminal(words, env={…})`; of a shop: `shop.terminal()`.
`csctl_process` csctl as a process of its own, a Popen with text pipes: `csctl_process(words, env={…})`; of a shop:
                `shop.start(words)`. Whatever is still running when the test ends is killed.

A quick run takes each test on one of the two databases, chosen by its name (tests/selection.py). Where the database
matters (locks, times, constraints, migrations, kills, search), mark a test `both_databases`, or a module:
pytestmark = pytest.mark.both_databases. Mark with `full` what a quick run leaves out. `pytest --full` takes everything
on both, and so does a run of tests that are named one by one (`pytest tests/test_clock.py::test_…`).

Words are one string, split as a shell does it, or several, taken as they are. Each test has a home and a working
directory of its own, and nothing of the caller's CSCTL_* environment.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import compiled, forks, loopback, running, selection, sessions
from tests.databases import Template, template_of_run
from tests.postgres import PostgresMissing, Server, postgres_is_installed
from tests.running import Done, Process, Terminal
from tests.shops import Shop

_MISSING = "no PostgreSQL: "
# What is compiled is kept: the workers and hundreds of processes of a run would compile all of csctl again.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def pytest_configure(config: pytest.Config) -> None:
    """Start the host of this test run, which its workers share.

    What a shell starts in the background ignores SIGINT, and so would every csctl that is started here.
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler if number is signal.SIGINT else signal.SIG_DFL)
    os.environ.pop("PYTHONUNBUFFERED", None)  # csctl has to end with what is left in a buffer, too
    if not hasattr(config, "workerinput"):
        _keep_files_in_memory()
        host = forks.Host()
        config.add_cleanup(host.stop)


def _keep_files_in_memory() -> None:
    """Thousands of small databases, of no use later, go into memory where there is plenty, unless TMPDIR is set."""
    memory = Path("/dev/shm")  # noqa: S108 - pytest and tempfile make folders of their own in it
    if "TMPDIR" in os.environ or not os.access(memory, os.W_OK):
        return
    system = os.statvfs(memory)
    if system.f_bavail * system.f_frsize > 4e9 and not system.f_flag & os.ST_NOEXEC:
        os.environ["TMPDIR"] = str(memory)
        tempfile.tempdir = None


@pytest.fixture(scope="session", autouse=True)
def _compiled_once() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        compiled.share(patch, with_sessions=True)
        yield


@pytest.fixture(scope="session", autouse=True)
def _this_machine_alone() -> Iterator[None]:
    yield
    assert loopback.others() == set()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--full", action="store_true", help="everything, and on both databases")
    parser.addoption(
        "--quick", action="store_true", help="of tests that are named, what a quick run takes, on SQLite if it can"
    )


@pytest.hookimpl(optionalhook=True)  # without pytest-xdist there is no such hook
def pytest_xdist_auto_num_workers() -> int:
    """For `-n auto`: twice the cores, as tests wait for processes, gateways and locks for a third of their time."""
    return 2 * (os.cpu_count() or 1)


def pytest_collection_finish() -> None:
    """What is there by now stays: the garbage collector need not look at it again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not selection.is_full(config):
        either = postgres_is_installed() and not config.getoption("quick")
        left_out = selection.left_out(items, postgres=either)
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


@pytest.fixture(scope="session")
def full(pytestconfig: pytest.Config) -> bool:
    """Whether this run takes everything."""
    return selection.is_full(pytestconfig)


@pytest.fixture(autouse=True)
def isolated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A home and a working directory of the test's own."""
    for name in list(os.environ):
        if name.startswith("CSCTL_") or name in ("NO_COLOR", "COLUMNS", "LINES", "EDITOR", "VISUAL"):
            monkeypatch.delenv(name)
    home, work = tmp_path / "home", tmp_path / "work"
    for folder in (home, work):
        folder.mkdir()
    monkeypatch.setenv("HOME", str(home))
    for name in ("CONFIG", "DATA", "CACHE", "STATE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(home / name.lower()))
    monkeypatch.chdir(work)


# -- databases


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """The PostgreSQL server of this test run. Without one: skipped loudly, and in CI failed."""
    try:
        server = forks.postgres()
    except PostgresMissing as missing:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"{_MISSING}{missing}")
    yield server
    server.close()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """A run without PostgreSQL says so."""
    skipped = [report for report in terminalreporter.stats.get("skipped", []) if _MISSING in str(report.longrepr)]
    if skipped:
        terminalreporter.section("PostgreSQL WAS NOT TESTED", sep="!", red=True, bold=True)
        terminalreporter.line(f"{len(skipped)} tests were skipped: {skipped[0].longrepr[2]}")


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="session")
def _templates() -> Iterator[dict[str, Template]]:
    made: dict[str, Template] = {}
    yield made
    for template in made.values():
        template.close()
    sessions.close()


@pytest.fixture
def template(
    backend: str,
    _templates: dict[str, Template],
    request: pytest.FixtureRequest,
) -> Template:
    """The database that others are copied from, built by the migrations once in a test run."""
    if backend not in _templates:
        server = request.getfixturevalue("postgres") if backend == "postgresql" else None
        _templates[backend] = template_of_run(backend, server)
    return _templates[backend]


@pytest.fixture
def database_url(template: Template, tmp_path: Path) -> Iterator[str]:
    """A rehearsal database with the current schema, and the operators admin, agent and service."""
    with template.copied(tmp_path) as url:
        yield url


@pytest.fixture
def empty_database_url(template: Template, tmp_path: Path) -> Iterator[str]:
    """A database without tables; of SQLite not even a file."""
    with template.emptied(tmp_path) as url:
        yield url


# -- csctl


@pytest.fixture
def csctl() -> Callable[..., Done]:
    """Run a command line in this process, through the console script's entry point."""
    return running.run


@pytest.fixture
def csctl_process() -> Iterator[Callable[..., Process]]:
    """Start the console script as a process of its own."""
    with running.processes() as start:
        yield start


@pytest.fixture
def terminal() -> Iterator[Callable[..., Terminal]]:
    """Start the console script on a terminal."""
    with running.terminals() as start:
        yield start


@pytest.fixture
def shop(
    database_url: str,
    template: Template,
    tmp_path: Path,
    csctl_process: Callable[..., Process],
    terminal: Callable[..., Terminal],
) -> Iterator[Shop]:
    """A shop without customers yet."""
    made = Shop(tmp_path / "shop", database_url, template.tokens, csctl_process, terminal)
    yield made
    made.close()
