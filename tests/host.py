"""The host of a test run: one process that starts the PostgreSQL server, and forks csctl where a test needs a process.

It is started before the first test and ends with the process that started it, even one that was killed: its standard
input is closed then. A client that connects to its socket sends one request:

    postgres   start the server, unless it runs; the answer says where.
    template   make the database that those of tests are copied from, unless it is there; the answer describes it.
    run        run a command line. csctl is imported here once, and has worked before the first fork (tests/warm.py),
               so a fork costs little where a start costs most of a second. The answers are the process id, and
               the exit code when it ends.

A request to run comes with three file descriptors: the standard input, output and error of the new process.
"""

from __future__ import annotations

import atexit
import ctypes
import gc
import importlib
import importlib.metadata
import io
import json
import os
import pkgutil
import selectors
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import csctl
from tests import loopback
from tests.postgres import OwnServer, PostgresMissing

if TYPE_CHECKING:
    from tests.databases import Template

HEADER = 10  # digits: the length of what follows
_BACKENDS = ("sqlite", "postgresql")
_NOT_COMMANDS = ("csctl.migrations", "csctl.templates")
_PR_SET_PDEATHSIG = 1  # <linux/prctl.h>
# What Python reads when it starts: with other values a process has to be started, a fork would come too late.
_READ_AT_START = ("PYTHON", "LC_", "LANG", "LD_")


class Host:
    """Takes requests until its standard input is closed."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self._waking, self._woken = socket.socketpair()
        self._waking.setblocking(False)
        self._woken.setblocking(False)
        self._clients: dict[int, socket.socket] = {}  # by the id of the process that each waits for
        self._postgres: OwnServer | None = None
        self._folder = Path(listener.getsockname()).parent  # removed by the process that started us
        self._templates: dict[str, Template] = {}
        self._warm: set[str] = set()

    def serve(self) -> Callable[[], None]:
        """Returns in each process what is left to do there: in a fork its command line, here nothing."""
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._waking.fileno())
        selector = selectors.PollSelector()
        for source in (sys.stdin.fileno(), self._listener, self._woken):
            selector.register(source, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fileobj is self._woken:
                    self._reap()
                elif key.fileobj is self._listener:
                    work = self._answer(self._listener.accept()[0])
                    if work:
                        return work
                else:
                    return self._stop

    def _reap(self) -> None:
        with suppress(BlockingIOError):
            while self._woken.recv(512):
                pass
        for number in list(self._clients):
            found, status = os.waitpid(number, os.WNOHANG)
            if found:
                with self._clients.pop(number) as client, suppress(OSError):  # the client may have gone
                    _send(client, os.waitstatus_to_exitcode(status))

    def _answer(self, client: socket.socket) -> Callable[[], None] | None:
        head, given, _, _ = socket.recv_fds(client, HEADER, 3)
        try:
            request = json.loads(_read(client, int(head or _read(client, HEADER))))
        except EOFError:
            client.close()
            for descriptor in given:
                os.close(descriptor)
            return None
        try:
            answer = self._prepared(request)
        except Exception:
            answer = {"failed": traceback.format_exc()}
        if answer:
            with client:
                _send(client, answer)
            return None
        number = os.fork()
        if number == 0:
            _end_with_the_host()
            client.close()
            self._leave()
            return partial(_run, request, given)
        for descriptor in given:
            os.close(descriptor)
        self._clients[number] = client
        _send(client, number)
        return None

    def _prepared(self, request: dict[str, Any]) -> dict[str, Any] | None:
        """The answer to what can be answered at once; None for a command line, which can be run now."""
        if request["do"] == "postgres":
            return self._where()
        if request["do"] == "template":
            return self._described(request["backend"])
        self._warm_up(request["env"].get("CSCTL_DATABASE_URL", "").partition(":")[0].partition("+")[0])
        return None

    def _template(self, backend: str) -> Template:
        console_script()
        from tests.databases import make_template

        if backend not in self._templates:
            server = self._postgres if backend == "postgresql" else None
            self._templates[backend] = make_template(self._folder, server, "host")
            if server:
                server.close()  # a fork must not have this connection
        return self._templates[backend]

    def _described(self, backend: str) -> dict[str, Any]:
        template = self._template(backend)
        return {"name": template.name, "tokens": template.tokens, "file": template.file and str(template.file)}

    def _warm_up(self, backend: str) -> None:
        """Before the first fork of a kind: import csctl, and have it at work on such a database."""
        if backend in self._warm or (backend == "postgresql" and not self._postgres):
            return
        self._warm.add(backend)
        console_script()
        if backend in _BACKENDS:
            from tests.warm import warm_up

            warm_up(self._template(backend))
        if self._postgres:
            self._postgres.close()
        gc.collect()
        gc.freeze()  # the forks share these pages

    def _where(self) -> dict[str, str]:
        """Where the server of PostgreSQL is, or why there is none."""
        try:
            self._postgres = self._postgres or OwnServer()
        except PostgresMissing as missing:
            return {"missing": str(missing)}
        return {"directory": str(self._postgres.directory)}

    def _leave(self) -> None:
        """Close in a fork what belongs to the host."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for one in (self._listener, self._waking, self._woken, *self._clients.values()):
            one.close()
        if self._postgres:
            self._postgres.leave()

    def _stop(self) -> None:
        for number in self._clients:
            os.kill(number, signal.SIGKILL)
        if self._postgres:
            self._postgres.stop()


@cache
def console_script() -> Callable[[], None]:
    """What the console script calls, with everything imported that any command of csctl imports."""
    for package in (csctl, importlib.import_module("csctl.commands")):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not module.name.startswith(_NOT_COMMANDS):
                importlib.import_module(module.name)
    for name in ("alembic.command", "psycopg", "sqlalchemy.dialects.postgresql.psycopg"):
        importlib.import_module(name)
    (script,) = importlib.metadata.entry_points(group="console_scripts", name="csctl")
    main: Callable[[], None] = script.load()
    from tests import compiled  # not above: it imports SQLAlchemy

    compiled.share(pytest.MonkeyPatch())
    return main


def _end_with_the_host() -> None:
    """In a fork: it is killed when the host is, where the system can do that."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _run(request: dict[str, Any], given: list[int]) -> None:
    """Become the process that was asked for: csctl's console script, from its first line to its exit."""
    if request["terminal"]:
        _take_terminal(given[0])
    for number, descriptor in enumerate(given):
        os.dup2(descriptor, number)
        os.close(descriptor)
    for number in request["ignoring"]:
        signal.signal(number, signal.SIG_IGN)
    os.chdir(request["folder"])
    here = dict(os.environ)
    if request["started"] or _read_at_start(here) != _read_at_start(request["env"]):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        os.execve(request["program"], [request["program"], *request["words"]], request["env"])  # noqa: S606 - ours
    os.environ.clear()
    os.environ.update(request["env"])
    time.tzset()
    _open_streams()
    sys.argv = [request["program"], *request["words"]]
    if request["before"]:
        module, name, *arguments = request["before"]
        getattr(importlib.import_module(module), name)(*arguments)
    try:
        console_script()()
    except SystemExit as end:
        _exit(end.code)


def _read_at_start(environment: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name.startswith(_READ_AT_START)}


def _take_terminal(terminal: int) -> None:
    import fcntl
    import termios

    os.setsid()
    fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)


def _open_streams() -> None:
    """Standard streams as Python opens them when it starts."""
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        stream = open(  # noqa: SIM115 - for as long as the process lives
            number,
            mode,
            buffering=1 if name == "stderr" or os.isatty(number) else -1,
            encoding="utf-8",
            errors="backslashreplace" if name == "stderr" else getattr(sys, name).errors,
            newline=None if mode == "r" else "\n",
            closefd=False,
        )
        assert isinstance(stream, io.TextIOWrapper)
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def _exit(code: Any) -> None:
    """End as Python does, but for taking all modules apart, which takes longer than many a command."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError as error:
            print(f"Exception ignored in: {stream!r}\n{error!r}", file=sys.stderr)
            code = 120
    os._exit(loopback.LEFT if loopback.others() else code or 0)


def _send(client: socket.socket, answer: Any) -> None:
    client.sendall(json.dumps(answer).encode() + b"\n")


def _read(client: socket.socket, length: int) -> bytes:
    """Raises EOFError where a client was killed in the middle of its request."""
    parts = []
    while length:
        if not (part := client.recv(length)):
            raise EOFError
        parts.append(part)
        length -= len(part)
    return b"".join(parts)


if __name__ == "__main__":
    left = Host(socket.socket(fileno=int(sys.argv[1]))).serve()
    left()
