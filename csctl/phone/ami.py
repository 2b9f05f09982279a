"""The Asterisk Manager Interface: lines of `Name: value` over TCP, a message ending in an empty line."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedRWPair

from csctl.errors import Misconfigured, Unreachable

Message = dict[str, str]

_CONNECT_SECONDS = 10
_LONGEST_LINE = 4096
_MOST_LINES = 2000  # events of other calls may come before an answer, but not without limit


class Connection:
    """One connection to a manager port, after its greeting. Its methods raise OSError or Unreachable when it breaks."""

    def __init__(self, plain: socket.socket, stream: BufferedRWPair) -> None:
        self._socket, self._stream = plain, stream
        if not self._line().startswith("Asterisk Call Manager"):
            raise Unreachable("what answers there is no Asterisk Manager Interface")

    def ask(self, message: Message, *, seconds: float = _CONNECT_SECONDS) -> Message:
        """Send an action, and wait for its response. Names of headers in the answer are in lower case."""
        self._socket.settimeout(seconds)
        self._send(message)
        return self._answer()

    def leave(self) -> None:
        """Log off, and ignore a connection that is closed already."""
        try:
            self._send({"Action": "Logoff"})
            self._stream.close()
        except OSError:
            return

    def _send(self, message: Message) -> None:
        # The last check: a line break in a value would begin another header or action.
        if any("\r" in value or "\n" in value for value in message.values()):
            raise ValueError("a value for the phone switch holds a line break")
        lines = [f"{name}: {value}\r\n" for name, value in {**message, "ActionID": "csctl"}.items()]
        self._stream.write("".join([*lines, "\r\n"]).encode())
        self._stream.flush()

    def _answer(self) -> Message:
        """The next response; events, which a switch may send at any time, are skipped."""
        message: Message = {}
        for _ in range(_MOST_LINES):
            if line := self._line():
                name, _, value = line.partition(":")
                message[name.strip().lower()] = value.strip()
            elif "response" in message:
                return message
            else:
                message = {}
        raise Unreachable("the phone switch says a lot, and does not answer")

    def _line(self) -> str:
        raw = self._stream.readline(_LONGEST_LINE)
        if not raw.endswith(b"\n"):
            raise Unreachable("the phone switch hung up in the middle of an answer")
        return raw.decode("utf-8", "replace").rstrip("\r\n")


@contextmanager
def connected(host: str, port: int, *, tls: bool) -> Iterator[Connection]:
    """Open a connection for the length of a block.

    Raises Unreachable if it fails or breaks, and Misconfigured for a certificate that is not trusted.
    """
    try:
        plain = socket.create_connection((host, port), timeout=_CONNECT_SECONDS)
        # closing the stream first, as the socket stays open until then
        with plain, _secured(plain, host) if tls else plain as line, line.makefile("rwb") as stream:
            yield Connection(line, stream)
    except ssl.SSLCertVerificationError as error:
        raise Misconfigured(
            f"the certificate of the phone switch {host} is not trusted",
            cause=error.verify_message,
            fix="use the name that it is made out to",
        ) from None
    except OSError as error:
        raise _unreachable(host, port, error.strerror or str(error)) from None
    except Unreachable as error:
        raise _unreachable(host, port, error.message) from None


def _secured(plain: socket.socket, host: str) -> socket.socket:
    return ssl.create_default_context().wrap_socket(plain, server_hostname=host)


def _unreachable(host: str, port: int, why: str) -> Unreachable:
    return Unreachable(
        f"the phone switch {host}:{port} cannot be reached", cause=why, fix="check that it runs, then call again"
    )
