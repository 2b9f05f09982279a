"""HTTPS to a gateway, for the adapters. Adapters call nothing else on the network.

    transport = Transport("https://api.example.com", secrets=[key], headers={"Authorization": …}, pace=pace)
    reply = transport.write("POST", "/v1/refunds", body=form(fields), content_type=FORM)   # may move money
    reply = transport.read("GET", "/v1/refunds", query=[("limit", "100")])                 # changes nothing

`write` sends once, whatever happens. It raises `NotSent` if nothing left this machine (the answer is then
`failed`/`unreachable`), and `AnswerLost` for everything later (the answer is `unknown`): `unanswered` gives it.
A reply that is not what the gateway promised raises `AnswerLost` too, from `Reply.json` and `Reply.text`. Any status
from 200 on that is not a redirect comes back as a Reply, 429 and 5xx included: what they mean differs by gateway.

`read` raises Unreachable for all of that, for 5xx, and for 429 that does not end. It asks a second time where a pooled
connection was broken, and waits where the gateway asks to (429).

Both wait for their turn (`pace`) and then take at most `deadline` seconds in all. Redirects are not followed. Proxies,
netrc, certificates and key logs named by the environment are ignored. Secrets go into headers and bodies only: a URL
with one is refused here. Bodies are never logged. Before a text from a gateway is kept it goes through `clean`.
"""

from __future__ import annotations

import json
import logging
import ssl
import time
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from csctl import __version__
from csctl.domain.reasons import Reason
from csctl.domain.states import State
from csctl.errors import Misconfigured, Unreachable
from csctl.gateways import cleaning
from csctl.gateways.operations import Answer
from csctl.gateways.pace import Pace, TurnTooLate

try:
    import httpcore

    from csctl.gateways.connections import Network, tls_context
except ModuleNotFoundError as missing:
    raise Misconfigured(
        "gateways on the network need a library that is not installed",
        cause=f"there is no module {missing.name}",
        fix="pip install 'csctl[gateways]'",
    ) from None

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
DEADLINE = 90.0  # seconds of a whole call: well within the lease of an attempt
MOST_BYTES = 2 * 1024 * 1024
_LONGEST_RETRY = 86_400.0  # seconds: a gateway that asks for more is mistaken
_TIMEOUTS = {"connect": 10.0, "write": 10.0, "read": 65.0, "pool": 5.0}
_BUSY_READS = 3  # how often a read is sent to a gateway that says 429
_LOOPBACK = {"127.0.0.1", "::1"}
_log = logging.getLogger("csctl.gateways")


class NotSent(Exception):
    """Nothing of the request left this machine."""


class NoTurn(NotSent):
    """Nothing was sent, because too many other calls wait for their turn at this account."""


class AnswerLost(Exception):
    """The request was sent at least in part, and what the gateway answered is not known."""


@dataclass(frozen=True)
class Reply:
    """What a gateway answered. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    is_read: bool = False

    def text(self, encoding: str = "utf-8-sig") -> str:
        """The body as text, without a byte order mark."""
        try:
            return self.body.decode(encoding)
        except UnicodeDecodeError:
            raise self.unreadable("it is not text") from None

    def json(self) -> dict[str, object]:
        """The body as a JSON object: numbers are int or Decimal. A name that stands twice is refused."""
        try:
            value = json.loads(self.text(), parse_float=Decimal, parse_constant=_refuse, object_pairs_hook=_once)
        except (ValueError, RecursionError):
            raise self.unreadable("it is not JSON") from None
        if not isinstance(value, dict):
            raise self.unreadable("it is not a JSON object")
        return value

    @property
    def retry_after(self) -> float | None:
        """Seconds that the gateway asks to wait."""
        written = self.headers.get("retry-after")
        if written is None:
            return None
        try:
            seconds = float(written) if written.isdecimal() else _seconds_until(written)
        except (ValueError, TypeError, OverflowError):
            return None
        return min(max(seconds, 0.0), _LONGEST_RETRY)

    def unreadable(self, why: str) -> Exception:
        """The error for an answer that is not what the gateway promised."""
        cause = f"the answer (HTTP {self.status}) cannot be read: {why}"
        return _unreachable(cause) if self.is_read else AnswerLost(cause)


class Transport:
    """One account's way to its gateway. Any number of threads may use it at once."""

    def __init__(
        self,
        base: str,
        *,
        secrets: Iterable[str],
        headers: Mapping[str, str] | None = None,
        pace: Pace | None = None,
        deadline: float = DEADLINE,
        rehearsal: bool = False,
        ca: Path | None = None,
    ) -> None:
        """`rehearsal`: http to this machine itself is allowed. `ca`: trust only this file of certificates."""
        self._scheme, self._host, self._port, self._prefix = _split(base, rehearsal)
        # Longest first: a secret that is part of another one would leave the rest of it readable.
        self._secrets = sorted(filter(None, secrets), key=len, reverse=True)
        self._headers = {"User-Agent": f"csctl/{__version__}", "Accept-Encoding": "identity", **(headers or {})}
        self._pace, self.deadline = pace or Pace(), min(deadline, DEADLINE)
        self._network = Network()
        self._pool = httpcore.ConnectionPool(
            ssl_context=tls_context(ca) if self._scheme == "https" else None,
            max_connections=64,
            # Shorter than servers keep theirs: one that closes just as it is used again costs a lost answer.
            keepalive_expiry=5.0,
            retries=0,
            network_backend=self._network,
        )

    def __repr__(self) -> str:
        return f"Transport({self._scheme}://{self._host})"

    def write(
        self,
        method: str,
        path: str,
        *,
        body: bytes = b"",
        content_type: str = FORM,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Send what may move money, once. Raises NotSent and AnswerLost."""
        sent = {"Content-Type": content_type, **(headers or {})}
        return self._call(method, self._target(path, ()), sent, body, is_read=False)

    def read(
        self,
        method: str,
        path: str,
        *,
        query: Sequence[tuple[str, str]] = (),
        body: bytes = b"",
        content_type: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Ask for what changes nothing. Raises Unreachable."""
        sent = {**({"Content-Type": content_type} if content_type else {}), **(headers or {})}
        target = self._target(path, query)
        try:
            for _ in range(_BUSY_READS):
                reply = self._call(method, target, sent, body, is_read=True)
                if reply.status != 429:
                    break
        except (NotSent, AnswerLost) as error:
            raise _unreachable(str(error)) from None
        if reply.status == 429 or reply.status >= 500:
            raise _unreachable(f"it answered HTTP {reply.status}")
        return reply

    def slow_down(self, seconds: float | None = None) -> None:
        """The gateway says that it is busy: call it less often for a while, and not at all for `seconds`."""
        self._pace.busy(seconds)

    def clean(self, text: object) -> str | None:
        """A text from the gateway that may be kept and shown."""
        return cleaning.clean(text, self._secrets)

    def close(self) -> None:
        self._pool.close()

    # -- inside

    def _target(self, path: str, query: Sequence[tuple[str, str]]) -> str:
        target = self._prefix + path + (f"?{urlencode(query)}" if query else "")
        if any(secret in target for secret in self._secrets):
            raise ValueError("a secret in a URL")  # a bug of the adapter; the URL is in logs on its way
        return target

    def _call(self, method: str, target: str, headers: Mapping[str, str], body: bytes, *, is_read: bool) -> Reply:
        try:
            self._pace.wait()
        except TurnTooLate as late:
            raise NoTurn(str(late)) from None
        call = self._network.begin(self.deadline)
        started = time.monotonic()
        try:
            try:
                reply = self._send(method, target, headers, body, is_read)
            except (httpcore.NetworkError, httpcore.ProtocolError):
                if not is_read or call.connected:
                    raise
                reply = self._send(method, target, headers, body, is_read)  # the pooled connection had been closed
        except Exception as error:
            _log.debug("%s %s %s", method, target.partition("?")[0], type(error).__name__)
            if isinstance(error, AnswerLost):
                raise
            why = _why(error)
            raise (AnswerLost(f"the answer was lost: {why}") if call.sent else NotSent(why)) from None
        milliseconds = round(1000 * (time.monotonic() - started))
        _log.debug("%s %s %s in %s ms", method, target.partition("?")[0], reply.status, milliseconds)
        if reply.status == 429:
            self.slow_down(reply.retry_after)
        if not 200 <= reply.status < 300 and reply.status < 400:
            raise AnswerLost(f"the answer is HTTP {reply.status}, and redirects are not followed")
        return reply

    def _send(self, method: str, target: str, headers: Mapping[str, str], body: bytes, is_read: bool) -> Reply:
        written = {**self._headers, **headers, "Host": self._authority()}
        if body or method != "GET":
            written["Content-Length"] = str(len(body))
        url = httpcore.URL(scheme=self._scheme, host=self._host, port=self._port, target=target)
        extensions = {"timeout": _TIMEOUTS}
        with self._pool.stream(
            method, url, headers=list(written.items()), content=body or None, extensions=extensions
        ) as response:
            names = {name.decode("ascii").lower(): value.decode("latin-1") for name, value in response.headers}
            return Reply(response.status, names, _body(response, names.get("content-encoding", "")), is_read)

    def _authority(self) -> str:
        host = f"[{self._host}]" if ":" in self._host else self._host
        return host if self._port is None else f"{host}:{self._port}"


def form(fields: Iterable[tuple[str, str]]) -> bytes:
    """The body of a form."""
    return urlencode(list(fields)).encode("ascii")


def unanswered(error: NotSent | AnswerLost) -> Answer:
    """The answer to a write that brought none."""
    if isinstance(error, NoTurn):
        return Answer(State.FAILED, reason=Reason.BUSY, message=str(error))
    if isinstance(error, NotSent):
        return Answer(State.FAILED, reason=Reason.UNREACHABLE, message=str(error))
    return Answer(State.UNKNOWN, reason=Reason.ANSWER_LOST, message=str(error))


def too_many(reply: Reply) -> Answer:
    """The answer to a write that the gateway refused as one too many (HTTP 429): nothing was executed."""
    busy = Answer(State.FAILED, reason=Reason.BUSY, message="the gateway has too many requests", code="429")
    return replace(busy, retry_after=reply.retry_after)


def _split(base: str, rehearsal: bool) -> tuple[str, str, int | None, str]:
    """Scheme, host, port and path of the gateway's address. Raises Misconfigured."""
    try:
        parts = urlsplit(base)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port = "", None
    if not host or not host.isascii() or "@" in parts.netloc or parts.query or parts.fragment:
        raise Misconfigured("the address of a gateway is invalid", fix="write it like base=https://HOST")
    local = parts.scheme == "http" and host in _LOOPBACK
    if parts.scheme != "https" and not (local and rehearsal):
        raise Misconfigured(
            "the address of a gateway is not https",
            cause="the account's key would be sent unencrypted",
            fix="write it like base=https://HOST; http://127.0.0.1 works with a rehearsal database",
        )
    return parts.scheme, host, port, parts.path.rstrip("/")


def _body(response: httpcore.Response, encoding: str) -> bytes:
    """The whole body, decoded. Raises AnswerLost if it is too long or encoded in a way that was not asked for."""
    received = bytearray()
    for part in response.iter_stream():
        received += part
        if len(received) > MOST_BYTES:
            raise AnswerLost("the answer is too long")
    if encoding in ("", "identity"):
        return bytes(received)
    if encoding not in ("gzip", "deflate"):
        raise AnswerLost("the answer's encoding is not known")
    decoder = zlib.decompressobj(wbits=47)
    try:
        plain = decoder.decompress(bytes(received), MOST_BYTES)
    except zlib.error:
        raise AnswerLost("the answer cannot be decoded") from None
    if not decoder.eof:  # it is cut off, or more than may be read
        raise AnswerLost("the answer cannot be decoded")
    return plain


def _why(error: Exception) -> str:
    """An error of the network in words. Its own text may name hosts and files of this machine: it stays out."""
    if isinstance(error, httpcore.TimeoutException):
        return "the connection timed out"
    if isinstance(error, httpcore.ConnectError):
        if isinstance(error.__context__, ssl.SSLError):
            return "the connection could not be encrypted (TLS)"
        return "connection refused" if isinstance(error.__context__, ConnectionRefusedError) else "no connection"
    if isinstance(error, httpcore.ProtocolError):
        return "the connection ended before the answer did"
    return "the connection was broken" if isinstance(error, httpcore.NetworkError) else type(error).__name__


def _unreachable(cause: str) -> Unreachable:
    return Unreachable("the gateway cannot be reached", cause=cause)


def _seconds_until(written: str) -> float:
    at = parsedate_to_datetime(written)
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() - datetime.now(UTC).timestamp()


def _refuse(name: str) -> object:
    raise ValueError(name)


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice")
    if any(isinstance(value, str) and "\0" in value for value in found.values()):
        raise ValueError("a value has a NUL")
    return found
