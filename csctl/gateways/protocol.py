"""The protocol of a payment gateway: what csctl calls. The values that cross it are in `operations.py`."""

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
    """The account does not know a reference that csctl has from it: it is the wrong account, or the wrong mode.

    Never a sign that something did not happen.
    """

    def __init__(self, reference: str, message: str | None = None) -> None:
        super().__init__(
            f"the gateway does not know {reference}",
            cause=message or "csctl has this reference from the gateway: the configured account may be another one",
            fix="compare the account with its sales: csctl gateway check",
        )


class Gateway(Protocol):
    """One account at a gateway. Called by several threads at once, and never inside a database transaction.

    Nothing is raised for an answer: a connection refused before the first byte is FAILED/unreachable, everything after
    which money may have moved unseen is UNKNOWN. Writes raise Misconfigured alone (credentials, wrong mode); reads
    raise Unreachable too.
    """

    @property
    def capabilities(self) -> Capabilities:
        """What this account can do. Calls nothing."""
        ...

    def identity(self) -> Identity:
        """Which account answers. Reads only. Raises Misconfigured, Unreachable."""
        ...

    def check(self) -> Sequence[Problem]:
        """What is wrong with the account, for `doctor` and `gateway check`. Reads only."""
        ...

    def prepare(self, op: Operation) -> str | None:
        """A reference that exists before money moves; None: not offered. Called where `capabilities.prepares`."""
        ...

    def charge(self, op: Operation) -> Answer:
        """Charge `op.token` (kind sale), or reserve the amount (kind authorize)."""
        ...

    def capture(self, op: Operation) -> Answer: ...

    def void(self, op: Operation) -> Answer: ...

    def refund(self, op: Operation) -> Answer: ...

    def lookup(self, reference: str, kind: Kind) -> Found:
        """The operation with this reference, as it is now. Raises UnknownReference."""
        ...

    def find(self, op: Operation) -> Found | Absent | Ambiguous:
        """What became of an attempt whose answer was lost. Absent only where the account knew the sale (or the payment
        method) that it belongs to; raises UnknownReference where it does not.
        """
        ...

    def changes(self, cursor: str | None) -> Iterator[Change]:
        """What happened since `cursor`, oldest first. Called only where `capabilities.changes`."""
        ...

    def records(self, since: datetime, until: datetime) -> Iterator[Entry]:
        """What the account has on record of a period (UTC), all that moved money and was made in it at least: to
        compare the books with. Called only where `capabilities.records`. Raises Misconfigured, Unreachable.
        """
        ...

    def close(self) -> None: ...
