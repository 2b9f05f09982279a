"""Accounts at a pretend gateway, opened by their URL as csctl does it, and the fixtures of an adapter's tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC
from typing import Any, Protocol, TypeVar

import pytest

from csctl.gateways import urls
from csctl.gateways.conformance.server import LedgerServer
from csctl.gateways.pace import Pace
from tests.gateways.operations import NOW, Op, operations


class _Account(Protocol):
    def close(self) -> None: ...


A = TypeVar("A", bound=_Account)
L = TypeVar("L", bound=LedgerServer)


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


def fixtures(kind: Callable[..., A], ledger_of: Callable[[], L], url: str, key: str, token: str) -> tuple[Any, ...]:
    """`ledger`, `open_account`, `account` and `op`, for the conftest of an adapter."""

    @pytest.fixture
    def ledger() -> Iterator[L]:
        with ledger_of() as made:
            made.now = NOW
            yield made

    @pytest.fixture
    def open_account(ledger: L) -> Iterator[Callable[..., A]]:
        with accounts(kind, url, key, ledger) as opener:
            yield opener

    @pytest.fixture
    def account(open_account: Callable[..., A]) -> A:
        return open_account()

    @pytest.fixture
    def op(ledger: L) -> Op:
        return operations(token, lambda: ledger.time)

    return ledger, open_account, account, op
