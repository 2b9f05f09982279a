"""A connection to a mail server with a limit for its whole time.

The timeouts of smtplib apply to each read: a server that sends a line now and then would block csctl without end.
"""

from __future__ import annotations

import smtplib
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any


class Guard:
    """Close a connection when its time is over. `cut` says that it did."""

    def __init__(self) -> None:
        self.cut = False
        self._line: socket.socket | None = None

    def watch(self, line: socket.socket) -> None:
        """Guard this socket from now on. Its duplicate survives the change to TLS, which takes over
        the socket itself.
        """
        self.forget()
        self._line = line.dup()

    def forget(self) -> None:
        """Release a connection that has ended."""
        if self._line is not None:
            self._line.close()
            self._line = None

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Limit the time of this block: after it, a read finds the connection closed."""
        self.cut = False
        timer = threading.Timer(seconds, self._cut)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _cut(self) -> None:
        self.cut = True
        if (line := self._line) is not None:
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)


class Connection(smtplib.SMTP):
    """A guarded connection. `handed_over`: the server may have the current message."""

    def __init__(self, host: str, port: int, timeout: float, guard: Guard) -> None:
        self._guard, self.handed_over = guard, False
        super().__init__(host, port, timeout=timeout)

    def data(self, msg: Any) -> tuple[int, bytes]:
        self.handed_over = True
        return super().data(msg)

    def _get_socket(self, *address: Any) -> socket.socket:
        line: socket.socket = super()._get_socket(*address)  # type: ignore[misc]
        self._guard.watch(line)
        return line


class TlsConnection(smtplib.SMTP_SSL, Connection):
    """The same, encrypted from its first byte."""

    def __init__(self, host: str, port: int, timeout: float, guard: Guard, context: ssl.SSLContext) -> None:
        self._guard, self.handed_over = guard, False
        smtplib.SMTP_SSL.__init__(self, host, port, timeout=timeout, context=context)
