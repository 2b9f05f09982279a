"""Processes of csctl that the host of the test run forks (tests/host.py): for a test they are what Popen starts.

They have a process id of their own, take any signal, and end as the console script does.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import tempfile
import termios
import threading
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import pexpect
from ptyprocess import PtyProcess

from tests.host import HEADER
from tests.postgres import PostgresMissing, Server

PROGRAM = str(Path(sysconfig.get_path("scripts")) / "csctl")
_ADDRESS = "PYTEST_CSCTL_HOST"  # an environment variable: the workers of pytest-xdist inherit it
_PIPE = subprocess.PIPE


class Host:
    """Starts the host of this test run, and stops it."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="csctl-tests-"))
        address = str(self._folder / "host")
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(address)
            listener.listen(64)
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.host", str(listener.fileno())],
                stdin=_PIPE,
                stdout=subprocess.DEVNULL,
                pass_fds=[listener.fileno()],
                cwd=Path(__file__).parents[1],
                start_new_session=True,  # an interrupt is for the tests: they stop the host in order
            )
        os.environ[_ADDRESS] = address

    def stop(self) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(60)
        shutil.rmtree(self._folder)


class Asked:
    """A request to the host: its answers, one by one."""

    def __init__(self, request: Mapping[str, Any], descriptors: Sequence[int] = ()) -> None:
        body = json.dumps(request).encode()
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(os.environ[_ADDRESS])
        socket.send_fds(self._socket, [b"%*d" % (HEADER, len(body))], descriptors)
        self._socket.sendall(body)
        self._answers = self._socket.makefile("r")

    def answer(self, timeout: float | None = None) -> Any:
        """The next answer. Raises TimeoutError."""
        if not select.select([self._socket], [], [], timeout)[0]:
            raise TimeoutError
        answer = json.loads(self._answers.readline() or '{"failed": "the host of the tests has ended"}')
        if isinstance(answer, dict) and "failed" in answer:
            self.close()
            raise AssertionError(answer["failed"])
        return answer

    def close(self) -> None:
        self._answers.close()
        self._socket.close()


def postgres() -> Server:
    """The PostgreSQL server of this test run; the first who asks has it started. Raises PostgresMissing."""
    asked = Asked({"do": "postgres"})
    answer = asked.answer()
    asked.close()
    if "missing" in answer:
        raise PostgresMissing(answer["missing"])
    return Server(Path(answer["directory"]))


def run_request(words: Sequence[str], env: Mapping[str, str], **more: Any) -> dict[str, Any]:
    """A request to run csctl. `started` asks for a start of Python instead of a fork, `before` names a function of a
    module, and its arguments: it is called in the new process before csctl is.
    """
    request = {"do": "run", "program": PROGRAM, "words": list(words), "env": dict(env), "folder": str(Path.cwd())}
    return {**request, "terminal": False, "started": False, "before": (), "ignoring": (), **more}


class Process:
    """A process with text pipes, unless a stream is given as a file or a descriptor."""

    def __init__(
        self,
        words: Sequence[str],
        env: Mapping[str, str],
        *,
        stdin: IO[Any] | int = _PIPE,
        stdout: IO[Any] | int = _PIPE,
        stderr: IO[Any] | int = _PIPE,
        before: tuple[str, ...] = (),
        ignoring: Iterable[int] = (),
        started: bool = False,
    ) -> None:
        self._words = words
        self.returncode: int | None = None
        self.stdin: IO[str] | None = None
        self.stdout: IO[str] | None = None
        self.stderr: IO[str] | None = None
        given, ours = [], []
        for name, stream in (("stdin", stdin), ("stdout", stdout), ("stderr", stderr)):
            if stream == _PIPE:
                ends = os.pipe() if name == "stdin" else os.pipe()[::-1]
                given.append(ends[0])
                ours.append(ends[0])
                setattr(self, name, open(ends[1], "w" if name == "stdin" else "r", encoding="utf-8"))  # noqa: SIM115
            else:
                given.append(stream if isinstance(stream, int) else stream.fileno())
        request = run_request(words, env, before=before, ignoring=list(ignoring), started=started)
        self._asked = Asked(request, given)
        for end in ours:
            os.close(end)
        self.pid = int(self._asked.answer())

    def poll(self) -> int | None:
        """The exit code, if it has ended."""
        try:
            return self.wait(0)
        except subprocess.TimeoutExpired:
            return None

    def wait(self, timeout: float | None = None) -> int:
        """The exit code; that of a signal is negative. Raises subprocess.TimeoutExpired."""
        if self.returncode is None:
            try:
                self.returncode = int(self._asked.answer(timeout))
            except TimeoutError:
                raise subprocess.TimeoutExpired(self._words, timeout or 0) from None
            self._asked.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """Close its input, and read what it writes until it ends."""
        read: dict[str, str] = {}

        def read_all(name: str, stream: IO[str]) -> None:
            read[name] = stream.read()

        close(self.stdin)
        pipes = {name: stream for name in ("stdout", "stderr") if (stream := getattr(self, name))}
        readers = [threading.Thread(target=read_all, args=pipe, daemon=True) for pipe in pipes.items()]
        for reader in readers:
            reader.start()
        self.wait(timeout)
        for reader in readers:
            reader.join(timeout)
        return read.get("stdout", ""), read.get("stderr", "")

    def end(self) -> None:
        """Kill it if it still runs, and close what is open."""
        self.kill()
        self.wait()
        for stream in (self.stdin, self.stdout, self.stderr):
            close(stream)


def close(stream: IO[str] | None) -> None:
    try:
        if stream:
            stream.close()
    except BrokenPipeError:
        pass  # what was not read will not be


class _Pty(PtyProcess):  # type: ignore[misc]  # it has no types
    """What pexpect holds of a process on a terminal."""

    def __init__(self, words: Sequence[str], env: Mapping[str, str], dimensions: tuple[int, int]) -> None:
        ours, theirs = os.openpty()
        termios.tcsetwinsize(ours, dimensions)
        self._asked = Asked(run_request(words, env, terminal=True), [theirs] * 3)
        os.close(theirs)
        super().__init__(self._asked.answer(), ours)
        self.exitstatus: int | None = None
        self.signalstatus: int | None = None

    def isalive(self) -> bool:
        if not self.terminated:
            self._end(None if self.flag_eof else 0)
        return not self.terminated

    def wait(self) -> int | None:
        self._end(None)
        return self.exitstatus

    def _end(self, timeout: float | None) -> None:
        try:
            code = int(self._asked.answer(timeout))
        except TimeoutError:
            return
        self._asked.close()
        self.terminated = True
        self.exitstatus, self.signalstatus = (code, None) if code >= 0 else (None, -code)


class Terminal(pexpect.spawn):  # type: ignore[misc]  # no types either
    """csctl on a terminal."""

    def __init__(self, words: Sequence[str], env: Mapping[str, str], *, lines: int, columns: int) -> None:
        super().__init__(PROGRAM, list(words), env=dict(env), encoding="utf-8", timeout=60, dimensions=(lines, columns))

    def _spawnpty(self, args: Sequence[bytes], *, env: Mapping[str, str], dimensions: tuple[int, int], **_: Any) -> Any:
        return _Pty([os.fsdecode(word) for word in args[1:]], env, dimensions)
