"""Network connections that record what was sent in a call, and end at the call's deadline.

The timeouts of httpcore are for each operation: a server that sends a byte now and then is read without end. And
whether a request had left this machine when a call failed decides between "failed" and "unknown": it is recorded here,
where the first byte is written, and not guessed from the kind of the error.
"""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import httpcore

# All hosts that this process connected to: tests compare them with the hosts that they allow.
CONTACTED: set[str] = set()


class Call:
    """One call of one thread: its deadline (monotonic seconds), and its progress."""

    def __init__(self, seconds: float) -> None:
        self.deadline = time.monotonic() + seconds
        self.sent = False  # a byte of the request may have left
        self.connected = False  # a connection was opened for it, not taken from the pool

    def left(self, timeout: float | None) -> float:
        """The seconds that one operation may take. Raises the timeout that says whether something was sent."""
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise (httpcore.ReadTimeout if self.sent else httpcore.ConnectTimeout)("the deadline has passed")
        return left if timeout is None else min(left, timeout)


class Network(httpcore.NetworkBackend):
    """TCP connections for the calls of any thread."""

    def __init__(self) -> None:
        self._inner = httpcore.SyncBackend()
        self._current = threading.local()

    def begin(self, seconds: float) -> Call:
        call = Call(seconds)
        self._current.call = call
        return call

    def call(self) -> Call:
        call: Call = self._current.call
        return call

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        call = self.call()
        CONTACTED.add(host)
        call.connected = True
        stream = self._inner.connect_tcp(host, port, call.left(timeout), local_address, socket_options)
        return _Stream(stream, self)


class _Stream(httpcore.NetworkStream):
    def __init__(self, inner: httpcore.NetworkStream, network: Network) -> None:
        self._inner, self._network = inner, network

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, self._network.call().left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        call = self._network.call()
        seconds = call.left(timeout)
        call.sent = True
        self._inner.write(buffer, seconds)

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        seconds = self._network.call().left(timeout)
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, seconds), self._network)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


def tls_context(ca: Path | None = None) -> ssl.SSLContext:
    """Certificates that the system trusts, or the file `ca` alone.

    Not by `ssl.create_default_context`: that follows SSL_CERT_FILE, and writes the keys of the session to
    SSLKEYLOGFILE, from the environment of csctl.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    paths = ssl.get_default_verify_paths()
    if ca is not None:
        context.load_verify_locations(cafile=ca)
    elif Path(paths.openssl_cafile).is_file():
        context.load_verify_locations(cafile=paths.openssl_cafile)
    elif Path(paths.openssl_capath).is_dir() and any(Path(paths.openssl_capath).iterdir()):
        context.load_verify_locations(capath=paths.openssl_capath)
    else:  # Windows and macOS keep them elsewhere
        import certifi

        context.load_verify_locations(cafile=certifi.where())
    return context
