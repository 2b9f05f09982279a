"""Accounts at a pretend gateway, opened by their URL as csctl does it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC
from typing import Protocol, TypeVar

from csctl.gateways import urls
from csctl.gateways.conformance.server import LedgerServer
from csctl.gateways.pace import Pace


class _Account(Protocol):
    def close(self) -> None: ...


A = TypeVar("A", bound=_Account)


@contextmanager
def accounts(kind: Callable[..., A], url: str, key: str, ledger: LedgerServer) -> Iterator[Callable[..., A]]:
    """A way to open accounts of a kind, with this key or another in the place `{key}` of the URL. They are closed at
    the end.
    """
    with ExitStack() as opened:

        def open_one(key: str = key) -> A:
            parsed = urls.parse(f"{url.format(key=key)}?base={ledger.base}&timeout=2")
            account = kind(parsed, rehearsal=True, now=lambda: ledger.time, zone=UTC, pace=Pace(1000))
            opened.callback(account.close)
            return account

        yield open_one
