"""Queries to CheckoutChamp. Login and password go into the body only: URLs are in logs on their way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta

from csctl.errors import Misconfigured
from csctl.gateways.asking import no_answer
from csctl.gateways.transport import FORM, Transport, form

Object = Mapping[str, object]
PAGE = 200  # records in one answer, the most that it gives
_MOST_PAGES = 100_000
_NOTHING = ("could be found", "could not be found", "no results", "not found")
_REFUSED = ("login", "password", "permission", "whitelist", "not authorized", "unauthorized", "ip address")


class Account:
    """An account by the login of an API user."""

    def __init__(self, transport: Transport, login: str, password: str) -> None:
        self._transport = transport
        self._credentials = [("loginId", login), ("password", password)]

    @property
    def deadline(self) -> timedelta:
        return timedelta(seconds=self._transport.deadline)

    def count(self, kind: str, first: date, last: date) -> int:
        """How many records were updated on these days. Raises Misconfigured, Unreachable."""
        return self._query(kind, first, last, 1, 1)[0]

    def records(self, kind: str, first: date, last: date) -> Iterator[Sequence[Object]]:
        """The records that were updated on these days, page by page."""
        read = 0
        for page in range(1, _MOST_PAGES):
            total, found = self._query(kind, first, last, page, PAGE)
            if found:
                yield found
            read += len(found)
            if not found or read >= total:
                return

    def close(self) -> None:
        self._transport.close()

    def _query(self, kind: str, first: date, last: date, page: int, size: int) -> tuple[int, list[Object]]:
        fields = [
            *self._credentials,
            ("startDate", _written(first)),
            ("endDate", _written(last)),
            ("dateRangeType", "dateUpdated"),
            ("resultsPerPage", str(size)),
            ("page", str(page)),
        ]
        reply = self._transport.read("POST", f"/{kind}/query/", body=form(fields), content_type=FORM)
        answer = reply.json()
        message = answer.get("message")
        if reply.status in (401, 403):
            raise self._misconfigured(message)
        if answer.get("result") == "SUCCESS" and isinstance(message, Mapping):
            data = message.get("data")
            rows = data.values() if isinstance(data, Mapping) else data if isinstance(data, list) else ()
            found = [row for row in rows if isinstance(row, Mapping)]
            total = message.get("totalResults")
            return int(total) if isinstance(total, int | str) and str(total).isdigit() else len(found), found
        said = str(message).casefold()
        if any(words in said for words in _NOTHING):  # this, too, is an error with HTTP 200
            return 0, []
        if any(words in said for words in _REFUSED):
            raise self._misconfigured(message)
        raise no_answer(self._transport.clean(message) or "no reason given")

    def _misconfigured(self, message: object) -> Misconfigured:
        return Misconfigured(
            "CheckoutChamp refuses the account",
            cause=self._transport.clean(message),
            fix="correct the API user's login, its rights to query, and the addresses that it may come from",
        )


def _written(day: date) -> str:
    return f"{day.month}/{day.day}/{day.year}"
