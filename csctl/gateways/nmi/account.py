"""Requests to the two pages of NMI, with the account's security key."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from csctl.gateways.nmi.query import Transaction, transactions
from csctl.gateways.transport import Reply, Transport, form

_TRANSACT, _QUERY = "/api/transact.php", "/api/query.php"
Fields = list[tuple[str, str]]


class Account:
    """An account and its key. The key is sent in bodies only."""

    def __init__(self, transport: Transport, key: str, now: Callable[[], datetime]) -> None:
        self._transport, self._key, self.now = transport, key, now

    @property
    def deadline(self) -> timedelta:
        return timedelta(seconds=self._transport.deadline)

    def transact(self, fields: Fields) -> Reply:
        """Send a request that may move money, once. Raises NotSent, AnswerLost."""
        return self._transport.write("POST", _TRANSACT, body=self._body(fields))

    def ask(self, fields: Fields) -> Reply:
        """Send a request that changes nothing. Raises Unreachable."""
        return self._transport.read(
            "POST", _QUERY, body=self._body(fields), content_type="application/x-www-form-urlencoded"
        )

    def query(self, fields: Fields) -> list[Transaction]:
        """The transactions that a query finds. Raises Misconfigured, Unreachable."""
        return transactions(self.ask(fields))

    def clean(self, text: object) -> str | None:
        return self._transport.clean(text)

    def close(self) -> None:
        self._transport.close()

    def _body(self, fields: Fields) -> bytes:
        return form([("security_key", self._key), *fields])
