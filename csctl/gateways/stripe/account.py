"""Requests to Stripe, and the handling common to all answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from csctl.errors import Misconfigured
from csctl.gateways.asking import MOST_PAGES, NoRecord, endless, no_answer
from csctl.gateways.transport import FORM, Reply, Transport, form

Fields = Sequence[tuple[str, str]]
Object = Mapping[str, object]
PAGE = 100  # objects in one answer, the maximum of Stripe


class NoRight(Misconfigured):
    """The key is valid, and may not read this."""


class Account:
    """An account and its key, which is sent in a header only."""

    def __init__(self, transport: Transport, now: Callable[[], datetime]) -> None:
        self._transport, self.now = transport, now

    @property
    def deadline(self) -> timedelta:
        return timedelta(seconds=self._transport.deadline)

    def post(self, path: str, fields: Fields, key: str | None) -> Reply:
        """Send a request that may move money, once, under an idempotency key. Raises NotSent, AnswerLost."""
        headers = {"Idempotency-Key": key} if key else {}
        return self._transport.write("POST", path, body=form(fields), content_type=FORM, headers=headers)

    def get(self, path: str, query: Fields = ()) -> Object:
        """Read an object, or a page of a list. Raises NoRecord, NoRight, Misconfigured, Unreachable."""
        reply = self._transport.read("GET", path, query=query)
        error = child(reply.json(), "error")
        if reply.status == 404 and text(error, "code") in ("resource_missing", "livemode_mismatch"):
            raise NoRecord
        if reply.status in (401, 403):
            raise self.misconfigured(error, NoRight if reply.status == 403 else Misconfigured)
        if reply.status != 200:
            raise no_answer(self._words(reply.status, error))
        return reply.json()

    def pages(self, path: str, query: Fields) -> Iterator[Object]:
        """All objects of a list, newest first. Raises NoRecord, Misconfigured, Unreachable."""
        for page in self.lists(path, query):
            yield from page

    def lists(self, path: str, query: Fields, after: str | None = None) -> Iterator[list[Object]]:
        """The same page by page, none of them empty. `after` is the id of the object before the first one."""
        for _ in range(MOST_PAGES):
            start = [("starting_after", after)] if after else []
            page = self.get(path, [*query, ("limit", str(PAGE)), *start])
            objects = children(page, "data")
            if objects:
                yield objects
            if page.get("has_more") is not True:
                return
            if not objects or text(objects[-1], "id") == after:
                break
            after = text(objects[-1], "id")
        raise endless()

    def misconfigured(self, error: Object, kind: type[Misconfigured] = Misconfigured) -> Misconfigured:
        return kind(
            "the gateway refuses the account",
            cause=self.clean(error.get("message")) or text(error, "code") or "the key is not accepted",
            fix="correct the key and its rights in Stripe's dashboard: csctl gateway check",
        )

    def clean(self, words: object) -> str | None:
        return self._transport.clean(words)

    def close(self) -> None:
        self._transport.close()

    def _words(self, status: int, error: Object) -> str:
        return f"HTTP {status} {text(error, 'code') or text(error, 'type')}".strip()


# -- JSON


def child(value: object, name: str) -> Object:
    found = value.get(name) if isinstance(value, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def children(value: object, name: str) -> list[Object]:
    found = value.get(name) if isinstance(value, Mapping) else None
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []


def text(value: object, name: str) -> str:
    found = value.get(name) if isinstance(value, Mapping) else None
    return found if isinstance(found, str) else ""


def id_of(value: object, name: str) -> str:
    """The id of an object that may be expanded."""
    return text(value, name) or text(child(value, name), "id")


def moment(value: object, name: str) -> datetime | None:
    found = value.get(name) if isinstance(value, Mapping) else None
    if not isinstance(found, int) or isinstance(found, bool):
        return None
    try:
        return datetime.fromtimestamp(found, UTC)
    except (ValueError, OverflowError, OSError):  # no time of this calendar
        return None


def seconds(moment: datetime) -> str:
    return str(int(moment.timestamp()))
