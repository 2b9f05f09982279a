"""Running csctl: in this process, as a process of its own, and on a terminal. Always the console script's own code."""

from __future__ import annotations

import importlib.metadata
import io
import json
import os
import shlex
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest

from tests.forks import PROGRAM, Process, Terminal

__all__ = ["PROGRAM", "Done", "Process", "Terminal"]


@dataclass(frozen=True)
class Done:
    """What a command line came to."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What `-o json` printed."""
        assert self.out, f"nothing on stdout, exit code {self.code}: {self.err}"
        return json.loads(self.out)

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The records that `-o jsonl` printed, without the summary of a cron command."""
        return [row for row in self.log if not row.get("summary")]

    @property
    def log(self) -> list[dict[str, Any]]:
        """Every line that `-o jsonl` printed."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def error(self) -> dict[str, Any]:
        """The error that `-o json` printed on stderr."""
        lines = [line for line in self.err.splitlines() if line.startswith('{"error"')]
        assert lines, f"no error on stderr, exit code {self.code}: {self.err}"
        found: dict[str, Any] = json.loads(lines[-1])["error"]
        return found


@cache
def entry_point() -> Callable[[list[str]], int]:
    """What the console script calls, but for the exit: the exit code of a command line."""
    script = importlib.metadata.distribution("csctl").entry_points.select(group="console_scripts", name="csctl")
    main = next(iter(script)).load()
    run: Callable[[list[str]], int] = sys.modules[main.__module__].run
    return run


def split(words: tuple[str, ...]) -> list[str]:
    """One string as a shell splits it; several are taken as they are."""
    return shlex.split(words[0]) if len(words) == 1 else list(words)


def run(*words: str, env: Mapping[str, str] | None = None, input: str | bytes = "") -> Done:
    """csctl in this process, its standard streams being files."""
    given = input.encode() if isinstance(input, str) else input
    streams = {
        "stdin": io.TextIOWrapper(io.BytesIO(given), encoding="utf-8"),
        "stdout": io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True),
        "stderr": io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors="backslashreplace", write_through=True),
    }
    handler = signal.getsignal(signal.SIGTERM)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (env or {}).items():
            patch.setenv(name, value)
        for name, stream in streams.items():
            patch.setattr(sys, name, stream)
        try:
            code = entry_point()(split(words))
        finally:
            signal.signal(signal.SIGTERM, handler)
    out, err = (streams[name].buffer.getvalue().decode() for name in ("stdout", "stderr"))
    return Done(code, out, err)


@contextmanager
def processes() -> Iterator[Callable[..., Process]]:
    """A way to start processes; those that are left at the end are killed."""
    started: list[Process] = []

    def start(*words: str, env: Mapping[str, str] | None = None, **options: Any) -> Process:
        started.append(Process(split(words), {**os.environ, **(env or {})}, **options))
        return started[-1]

    yield start
    for process in started:
        process.end()


@contextmanager
def terminals() -> Iterator[Callable[..., Terminal]]:
    """A way to start csctl on a terminal; those that are left at the end are killed."""
    started: list[Terminal] = []

    def start(*words: str, env: Mapping[str, str] | None = None, columns: int = 80, lines: int = 24) -> Terminal:
        environment = {**os.environ, "TERM": "xterm", **(env or {})}
        started.append(Terminal(split(words), environment, columns=columns, lines=lines))
        return started[-1]

    yield start
    for child in started:
        child.close(force=True)
