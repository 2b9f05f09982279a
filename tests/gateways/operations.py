"""Making the operations that adapters are tested with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Protocol

from csctl.domain.states import Kind
from csctl.gateways.operations import Operation, Sale

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


class Op(Protocol):
    """`op(Kind.REFUND, "8.00", sale="7000000001")`; `more` are other fields of the operation."""

    def __call__(
        self, kind: Kind, amount: str = "20.00", *, sale: str | None = None, currency: str = "USD", **more: object
    ) -> Operation: ...


def operations(token: str, now: Callable[[], datetime]) -> Op:
    """Operations with keys of their own, as the engine makes them; charges are of `token`."""
    made = 0

    def make(
        kind: Kind, amount: str = "20.00", *, sale: str | None = None, currency: str = "USD", **more: object
    ) -> Operation:
        nonlocal made
        made += 1
        # As random keys are, they differ in their first characters, and one is not part of another.
        key = f"{made:04x}{'c5c71ab0' * 4}"[:32]
        minor = int(amount.replace(".", ""))
        of = Sale(sale, 2000, currency, NOW, last4="1111") if sale else None
        plain = Operation(kind, key, minor, currency, now(), sale=of, token=None if sale else token)
        return replace(plain, **more)  # type: ignore[arg-type]

    return make
