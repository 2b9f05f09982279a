"""A phone switch for csctl: a telephone system with a click-to-call web service.

    CSCTL_PHONE_SWITCH=clicktocall://API_KEY@pbx.example.com/dial?extension=1001

It asks `POST https://pbx.example.com/dial` with `{"extension": "1001", "number": "+4930123456"}`. With `&tls=off` it
speaks plain HTTP, for a service on the same machine.
"""

from __future__ import annotations

import http.client
import json
from urllib.parse import parse_qs, unquote, urlsplit

from csctl.errors import GatewayRefused, Misconfigured, OutcomeUnknown, Unreachable
from csctl.phone.switch import Placed

SECONDS = 10


class ClickToCall:
    """One service and one extension. csctl makes it with the value of CSCTL_PHONE_SWITCH."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        options = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        if not (parts.hostname and parts.username and "extension" in options):
            # The value itself is not shown: it holds the key.
            raise Misconfigured(
                "CSCTL_PHONE_SWITCH cannot be used",
                cause="it needs a key, a host and an extension",
                fix="write it like clicktocall://KEY@pbx.example.com/dial?extension=1001",
            )
        self._host, self._port, self._path = parts.hostname, parts.port, parts.path or "/"
        self._key, self._extension = unquote(parts.username), options["extension"]
        self._tls = options.get("tls") != "off"

    def call(self, number: str, *, operator: str) -> Placed:
        """Ring the extension, then dial. `number` is digits, `*` and `#`, perhaps after a `+`: csctl has checked it."""
        kind = http.client.HTTPSConnection if self._tls else http.client.HTTPConnection
        connection = kind(self._host, self._port, timeout=SECONDS)
        try:
            connection.connect()
        except OSError as error:  # nothing was sent: it is safe to try again
            raise Unreachable(f"{self._host} cannot be reached", cause=str(error), fix="check that it runs") from None
        try:
            answer = self._ask(connection, number, operator)
            reason = answer.read(500).decode("utf-8", "replace").strip()
        except (OSError, http.client.HTTPException) as error:  # it was asked, and perhaps it dials
            raise OutcomeUnknown(
                f"{self._host} was asked to call, and did not answer",
                cause=type(error).__name__,
                fix="watch your phone",
            ) from None
        finally:
            connection.close()
        return self._read(answer.status, reason)

    def _ask(self, connection: http.client.HTTPConnection, number: str, operator: str) -> http.client.HTTPResponse:
        body = json.dumps({"extension": self._extension, "number": number, "operator": operator})
        headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}
        connection.request("POST", self._path, body, headers)
        return connection.getresponse()

    def _read(self, status: int, reason: str) -> Placed:
        if status in (401, 403):
            raise Misconfigured(f"{self._host} refuses the key", fix="check the key in CSCTL_PHONE_SWITCH")
        if 400 <= status < 500:
            raise GatewayRefused(f"{self._host} did not place the call", cause=reason or f"HTTP status {status}")
        if status >= 500:
            raise OutcomeUnknown(f"{self._host} broke down while it was calling", cause=f"HTTP status {status}")
        return Placed(f"extension {self._extension} rings, then the number is dialled")
