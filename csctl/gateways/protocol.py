"""What csctl asks of a payment gateway, and what one can answer.

A gateway is called outside of any database transaction. It never raises for an answer: a connection that was refused
is FAILED (nothing was sent), and everything after which money may have moved unseen is UNKNOWN.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from csctl.domain.reasons import Reason as Reason
from csctl.domain.states import Settlement, State
from csctl.errors import Misconfigured


@dataclass(frozen=True)
class Answer:
    """What became of a charge, void or refund: one of approved, pending, declined, failed, unknown."""

    state: State
    reference: str | None = None
    reason: Reason | None = None
    message: str | None = None


@dataclass(frozen=True)
class Found:
    """How an operation stands at the gateway when it is asked."""

    answer: Answer
    settlement: Settlement | None = None
    settled_at: datetime | None = None
    voided: bool = False


@dataclass(frozen=True)
class Capabilities:
    """`keys_live`: how long a key is honoured (None: keys are ignored). `absence_final_after`: when "there is no such
    operation" can be believed.
    """

    lookup: bool
    keys_live: timedelta | None
    absence_final_after: timedelta


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
    """One account at a gateway. Amounts are minor units. `key` is the attempt's own, sent with every try of it.

    All may raise Misconfigured (credentials). Lookups raise Unreachable where the gateway cannot be asked just now.
    """

    @property
    def capabilities(self) -> Capabilities: ...

    def charge(self, token: str, amount: int, currency: str, key: str) -> Answer: ...

    def void(self, reference: str, key: str) -> Answer: ...

    def refund(self, reference: str, amount: int, currency: str, key: str) -> Answer: ...

    def lookup(self, reference: str) -> Found | None:
        """The operation with the gateway's own reference, None if there is none."""
        ...

    def find_operation(self, key: str, reference: str | None) -> Found | None:
        """The operation that was sent with `key` (on the sale `reference`), None if there is none."""
        ...
