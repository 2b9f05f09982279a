"""The standard streams, as a program must expect them: closed, full, or read by nobody."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

_GONE = (errno.EPIPE, errno.EBADF, errno.ECONNRESET)


class OutputLost(Exception):
    """What we print goes nowhere. Not an OSError, which click would make an exit code of its own of.

    `gone`: whoever read it has closed it, which is theirs to do; else it cannot be written (a full disk).
    """

    def __init__(self, error: OSError) -> None:
        super().__init__(error.strerror or str(error))
        self.gone = error.errno in _GONE
        self.reason = error.strerror or str(error)


class _Watched:
    """A stream whose failing is told from that of all others. Everything else is the stream's own."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except OSError as error:
            raise OutputLost(error) from None

    def flush(self) -> None:
        try:
            self._stream.flush()
        except OSError as error:
            raise OutputLost(error) from None


@contextmanager
def guarded() -> Iterator[None]:
    """Streams that are there, whatever we were started with, and a stdout that says when it is lost."""
    _open_what_is_closed()
    before = sys.stdout
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # what this terminal's encoding has no character for
    sys.stdout = _Watched(before)
    try:
        yield
    finally:
        sys.stdout = before


def _open_what_is_closed() -> None:
    """A file that is opened later must not become a standard stream: what is printed would go into the database."""
    if sys.stdin is None:
        sys.stdin = _opened(0, os.open(os.devnull, os.O_RDONLY), "r")
    if sys.stdout is None:
        reader, writer = os.pipe()  # that nobody reads
        os.close(reader)
        sys.stdout = _opened(1, writer, "w")
    if sys.stderr is None:
        sys.stderr = _opened(2, os.open(os.devnull, os.O_WRONLY), "w")


def _opened(number: int, descriptor: int, mode: str) -> Any:
    if descriptor != number:
        os.dup2(descriptor, number)
        os.close(descriptor)
    return os.fdopen(number, mode, encoding="utf-8", closefd=False)


def flush() -> None:
    """Have what was printed leave this process. Raises OutputLost."""
    sys.stdout.flush()


def discard_output() -> None:
    """Keep Python from complaining at its exit that it could not write."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)
