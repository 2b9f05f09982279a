"""A gateway on loopback: the HTTP server, its faults, and a record of all requests.

A ledger server speaks one gateway's protocol. It subclasses `LedgerServer`, says which calls move money (`writes`), and
handles each call (`carry_out`).

    with NmiLedger() as ledger:
        ledger.fail_next(Fault(effect=True, cut=0))     # the next write is executed, and its answer lost
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True)
class Request:
    """A request as it was sent."""

    method: str
    target: str
    headers: Mapping[str, str]  # names in lower case
    body: bytes

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> list[tuple[str, str]]:
        return parse_qsl(urlsplit(self.target).query, keep_blank_values=True)

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True))


@dataclass(frozen=True)
class Response:
    body: bytes
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Fault:
    """The fault of one call. `effect`: whether it is executed all the same.

    `status`, `headers` and `body` replace those of the real answer; `change` makes another body of it. `cut`: so many
    bytes of the body are sent, then the connection is closed; 0 sends nothing at all. `reset` closes it by RST. `drip`:
    seconds between single bytes. `hook` is called after the effect, before the answer is sent.
    """

    effect: bool = True
    status: int | None = None
    headers: Mapping[str, str] | None = None
    body: bytes | None = None
    change: Callable[[bytes], bytes] | None = None
    cut: int | None = None
    reset: bool = False
    delay: float = 0
    drip: float = 0
    hook: Callable[[], None] | None = None


@dataclass
class _Awaiting:
    fault: Fault
    matches: Callable[[Request], bool]


class LedgerServer(ABC):
    """An account at a gateway, served on 127.0.0.1. `now` is the gateway's own clock: set it to move it."""

    def __init__(self, port: int = 0) -> None:
        """Listen on this port; 0 is any free one."""
        self.wire: list[Request] = []
        self.now: datetime | None = None
        self._faults: list[_Awaiting] = []
        self._lock = threading.Lock()  # one call at a time changes the books, as a gateway decides in some order
        self._server = _Server(("127.0.0.1", port), _Handler)
        self._server.ledger = self
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop listening: from now on connections are refused."""
        self._server.shutdown()
        self._server.server_close()

    @property
    def base(self) -> str:
        """The address: `http://127.0.0.1:PORT`."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def time(self) -> datetime:
        return self.now or datetime.now(UTC)

    def fail_next(self, fault: Fault, times: int = 1, matches: Callable[[Request], bool] | None = None) -> None:
        """Add faults to the next calls that match; by default to the next that move money."""
        with self._lock:
            self._faults += [_Awaiting(fault, matches or self.writes) for _ in range(times)]

    def clear_faults(self) -> None:
        """Remove all faults."""
        with self._lock:
            self._faults.clear()

    def close_idle(self) -> None:
        """Close idle connections, as a server does after a while."""
        self._server.close_idle()

    def written(self) -> list[Request]:
        """The calls so far that move money."""
        return [request for request in list(self.wire) if self.writes(request)]

    @abstractmethod
    def writes(self, request: Request) -> bool:
        """Whether a call would move money."""

    @abstractmethod
    def carry_out(self, request: Request) -> Response:
        """Execute a call, and answer. Called under a lock."""

    def answer(self, request: Request) -> tuple[Response, Fault | None]:
        """The answer of a call, and its fault."""
        with self._lock:
            self.wire.append(request)
            awaiting = next((one for one in self._faults if one.matches(request)), None)
            if awaiting is None:
                return self.carry_out(request), None
            self._faults.remove(awaiting)
            fault = awaiting.fault
            real = self.carry_out(request) if fault.effect else Response(b"")
        if fault.hook:
            fault.hook()
        body = real.body if fault.body is None else fault.body
        return (
            Response(
                fault.change(body) if fault.change else body,
                fault.status or real.status,
                real.headers if fault.headers is None else fault.headers,
            ),
            fault,
        )


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64
    ledger: LedgerServer

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        self._connections: set[socket.socket] = set()
        super().__init__(address, handler)

    def get_request(self) -> tuple[socket.socket, object]:
        connection, address = super().get_request()
        self._connections.add(connection)
        return connection, address

    def shutdown_request(self, request: socket.socket | tuple[bytes, socket.socket]) -> None:
        if isinstance(request, socket.socket):
            self._connections.discard(request)
        super().shutdown_request(request)

    def close_idle(self) -> None:
        for connection in list(self._connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: object, client_address: object) -> None:
        """Print nothing about callers that hung up: the faults make them do so."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # an answer of two writes would wait 40 ms for the second
    server: _Server

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def do_DELETE(self) -> None:
        self._serve()

    def log_message(self, format: str, *args: object) -> None:
        """Keep the tests' output quiet."""

    def _serve(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, self.path, headers, self.rfile.read(length))
        response, fault = self.server.ledger.answer(request)
        fault = fault or Fault()
        if fault.delay:
            time.sleep(fault.delay)
        if fault.cut == 0 or fault.reset:
            self._hang_up(fault.reset)
            return
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # the caller may be gone
            self._send(response, fault)

    def _send(self, response: Response, fault: Fault) -> None:
        self.send_response(response.status)
        for name, value in response.headers.items():
            self.send_header(name, value)
        if "Content-Length" not in response.headers and "Transfer-Encoding" not in response.headers:
            # What is cut off is missing, of an empty answer too: a whole one would leave a connection to be used again.
            missing = 0 if fault.cut is None else max(0, fault.cut + 1 - len(response.body))
            self.send_header("Content-Length", str(len(response.body) + missing))
        self.end_headers()
        body = response.body if fault.cut is None else response.body[: fault.cut]
        if fault.drip:
            for position in range(len(body)):
                self.wfile.write(body[position : position + 1])
                time.sleep(fault.drip)
        else:
            self.wfile.write(body)
        if fault.cut is not None:
            self._hang_up(reset=False)

    def _hang_up(self, reset: bool) -> None:
        if reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        else:
            with contextlib.suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)
        self.close_connection = True
        self.connection.close()
