"""The standard streams, which may be closed, full, or a pipe whose reader has gone."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO

_GONE = (errno.EPIPE, errno.EBADF, errno.ECONNRESET)


class OutputLost(Exception):
    """Output that cannot be written. Not an OSError: click would turn that into an exit code of its own.

    `gone`: the reader has closed the pipe, which is not an error; else writing failed (a full disk).
    """

    def __init__(self, error: OSError) -> None:
        super().__init__(error.strerror or str(error))
        self.gone = error.errno in _GONE
        self.reason = error.strerror or str(error)


class _Watched:
    """A stream that raises OutputLost where writing fails. Everything else is that of the stream inside."""

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
    """Open the standard streams that are closed, and let stdout raise OutputLost."""
    _open_what_is_closed()
    before = sys.stdout
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # for characters that the encoding of the terminal lacks
    sys.stdout = _Watched(before)
    try:
        yield
    finally:
        sys.stdout = before


def _open_what_is_closed() -> None:
    """Keep files that are opened later from taking the place of a closed stream: output would go into the database."""
    if sys.stdin is None:
        sys.stdin = _opened(0, os.open(os.devnull, os.O_RDONLY), "r")
    if sys.stdout is None:
        reader, writer = os.pipe()  # a pipe without a reader
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
    """Write everything printed so far. Raises OutputLost."""
    sys.stdout.flush()


def discard_output() -> None:
    """Keep Python from reporting a failed write when it exits."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.close(null)


def help_width() -> int:
    """The width of help texts: that of the terminal, 50 to 100. click would import compression to find it out."""
    columns = os.environ.get("COLUMNS", "")
    width = int(columns) if columns.isdecimal() else 0
    if not width:
        with suppress(OSError):  # no terminal
            width = os.get_terminal_size(1).columns
    return max(min(width or 80, 100) - 2, 50)
