"""The protocol of a payment gateway. Its values are in `operations.py`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Protocol

from csctl.domain.comparison import Entry
from csctl.domain.states import Kind
from csctl.errors import Misconfigured
from csctl.gateways.operations import (
    Absent,
    Ambiguous,
    Answer,
    Capabilities,
    Change,
    Found,
    Identity,
    Operation,
    Problem,
)


class UnknownReference(Misconfigured):
    """The account does not have a reference that csctl got from it: it is the wrong account, or the wrong mode.

    Never a sign that an operation was not executed.
    """

    def __init__(self, reference: str, message: str | None = None) -> None:
        super().__init__(
            f"the gateway does not know {reference}",
            cause=message or "csctl has this reference from the gateway: the configured account may be another one",
            fix="compare the account with its sales: csctl gateway check",
        )


class Gateway(Protocol):
    """One account at a gateway. Called by several threads at once, and never inside a database transaction.

    An answer is never raised: a connection refused before the first byte is FAILED/unreachable; every failure after
    which money may have moved is UNKNOWN. Writes raise only Misconfigured (credentials, wrong mode); reads raise
    Unreachable too.
    """

    @property
    def capabilities(self) -> Capabilities:
        """What this account can do. Makes no call."""
        ...

    def identity(self) -> Identity:
        """The account that answers. Reads only. Raises Misconfigured, Unreachable."""
        ...

    def check(self) -> Sequence[Problem]:
        """The problems of the account, for `doctor` and `gateway check`. Reads only."""
        ...

    def prepare(self, op: Operation) -> str | None:
        """A reference that exists before money moves; None if not offered. Called if `capabilities.prepares`."""
        ...

    def charge(self, op: Operation) -> Answer:
        """Charge `op.token` (kind sale), or authorize the amount (kind authorize)."""
        ...

    def capture(self, op: Operation) -> Answer: ...

    def void(self, op: Operation) -> Answer: ...

    def refund(self, op: Operation) -> Answer: ...

    def lookup(self, reference: str, kind: Kind) -> Found:
        """The operation with this reference, in its current state. Raises UnknownReference."""
        ...

    def find(self, op: Operation) -> Found | Absent | Ambiguous:
        """Find an attempt whose answer was lost. Absent only if the account has the sale (or the payment method) that
        it belongs to; raises UnknownReference if it does not.
        """
        ...

    def changes(self, cursor: str | None) -> Iterator[Change]:
        """The changes since `cursor`, oldest first. Called only if `capabilities.changes`."""
        ...

    def records(self, since: datetime, until: datetime) -> Iterator[Entry]:
        """The account's records of a period (UTC), at least all operations that were made in it and moved money: to
        compare the books with. Called only if `capabilities.records`. Raises Misconfigured, Unreachable.
        """
        ...

    def close(self) -> None: ...
