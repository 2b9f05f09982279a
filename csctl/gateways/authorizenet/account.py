"""Requests to Authorize.Net, with the account's login and key, and the handling common to all answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from csctl.errors import Misconfigured
from csctl.gateways.asking import NoRecord, no_answer
from csctl.gateways.authorizenet.codes import Meaning, meaning
from csctl.gateways.transport import JSON, Reply, Transport

_PATH = "/xml/v1/request.api"
Fields = Mapping[str, object]


class Account:
    """An account, its login and transaction key. Both are sent in bodies only."""

    def __init__(self, transport: Transport, login: str, key: str, now: Callable[[], datetime]) -> None:
        self._transport, self._login, self._key, self.now = transport, login, key, now

    @property
    def deadline(self) -> timedelta:
        return timedelta(seconds=self._transport.deadline)

    def transact(self, fields: Fields, reference: str) -> Reply:
        """Send a request that may move money, once. The answer repeats `reference`. Raises NotSent, AnswerLost."""
        body = self._body("createTransactionRequest", {"refId": reference, "transactionRequest": fields})
        return self._transport.write("POST", _PATH, body=body, content_type=JSON)

    def ask(self, name: str, fields: Fields | None = None) -> dict[str, object]:
        """Send a request that changes nothing, and return its answer. Raises Misconfigured, Unreachable, NoRecord."""
        reply = self._transport.read("POST", _PATH, body=self._body(name, fields or {}), content_type=JSON)
        answer = envelope(reply)
        code, text = message(answer)
        found = meaning(code)
        if result(answer) == "Ok":
            return answer
        if found is Meaning.UNKNOWN_REFERENCE:
            raise NoRecord
        if found is Meaning.MISCONFIGURED:
            raise self.misconfigured(code, text)
        raise no_answer(f"{code} {self.clean(text) or ''}".strip())

    def misconfigured(self, code: str, text: str) -> Misconfigured:
        fix = "correct its login and transaction key, and look at its settings: csctl gateway check"
        if code == "E00011":
            fix = "switch on the Transaction Details API in the account's settings at Authorize.Net"
        return Misconfigured(
            "the gateway refuses the account", cause=f"{code} {self.clean(text) or ''}".strip(), fix=fix
        )

    def clean(self, text: object) -> str | None:
        return self._transport.clean(text)

    def close(self) -> None:
        self._transport.close()

    def _body(self, name: str, fields: Fields) -> bytes:
        credentials = {"name": self._login, "transactionKey": self._key}
        return json.dumps({name: {"merchantAuthentication": credentials, **fields}}, ensure_ascii=True).encode("ascii")


def envelope(reply: Reply) -> dict[str, object]:
    """Parse an answer. Raises AnswerLost, or Unreachable for a read."""
    if reply.status != 200:
        raise reply.unreadable("Authorize.Net answers with HTTP 200")
    answer = reply.json()
    if result(answer) not in ("Ok", "Error"):
        raise reply.unreadable("it names no result")
    return answer


def result(answer: Fields) -> str:
    return text(child(answer, "messages"), "resultCode")


def message(answer: Fields) -> tuple[str, str]:
    """Code and text of the first message."""
    first = next(iter(children(child(answer, "messages"), "message")), {})
    return text(first, "code"), text(first, "text")


# -- JSON that was XML: an element that may occur several times is an object if it occurs once


def child(value: object, name: str) -> Fields:
    found = value.get(name) if isinstance(value, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def children(value: object, name: str, inner: str | None = None) -> list[Fields]:
    """The elements `name`; also where they stand in a list element, with the name `inner`."""
    found = value.get(name) if isinstance(value, Mapping) else None
    if inner and isinstance(found, Mapping) and inner in found:
        found = found[inner]
    if isinstance(found, Mapping):
        found = [found]
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []


def text(value: object, name: str) -> str:
    found = value.get(name) if isinstance(value, Mapping) else None
    return str(found).strip() if isinstance(found, str | int) and not isinstance(found, bool) else ""
