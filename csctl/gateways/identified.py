"""An account whose identity is checked before its first call."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from csctl.domain.comparison import Entry
from csctl.domain.reasons import Reason
from csctl.domain.states import Kind, State
from csctl.errors import CsctlError, Misconfigured, Unreachable
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
from csctl.gateways.protocol import Gateway, UnknownReference

_LONGEST = 60.0  # seconds of an attempt's lease that may go by before it is sent


class Identified:
    """A gateway account whose identity is compared with the one in the database, once in a process.

    `compare` is called before the first write: it compares the newest operations of the account with the books.

    Another account has neither csctl's sales nor its keys: its "not found" would mean "never executed", and the refund
    would be paid again. So a difference raises Misconfigured, and nothing is asked or sent.
    """

    def __init__(
        self, gateway: Gateway, name: str, remembered: Identity | None, compare: Callable[[str, Gateway], object]
    ) -> None:
        self._gateway, self._name, self.remembered, self._compare = gateway, name, remembered, compare
        self._confirmed = self._compared = False
        self._problem: CsctlError | None = None  # why nothing may be sent, by the comparison with the books
        self.unreachable = False  # its identity could not be asked for before this run began
        self._one_at_a_time = threading.Lock()

    @property
    def capabilities(self) -> Capabilities:
        return self._gateway.capabilities

    def identity(self) -> Identity:
        with self._named():
            return self._gateway.identity()

    def check(self) -> Sequence[Problem]:
        return self._gateway.check()

    def unchecked(self) -> Gateway:
        """The account itself, to check whether it is the right one."""
        return self._gateway

    def confirmed(self) -> Gateway:
        """The account itself, once it is known to be the right one. Raises Misconfigured, Unreachable."""
        self._confirm()
        return self._gateway

    def compared(self, problem: CsctlError | None = None) -> None:
        """The books were compared with this account; with a `problem`, nothing is sent to it."""
        self._compared, self._problem = True, problem

    @property
    def is_ready(self) -> bool:
        """Whether it is known to be the right account, and to have nothing that the books do not."""
        return self._confirmed and self._compared and self._problem is None

    def refusal(self) -> Answer | None:
        """The answer to a write if the account cannot be asked who it is and what it has, or not in time for the lease
        of the attempt: nothing was sent.
        """
        begun = time.monotonic()
        try:
            self._confirm()
            self._compare_once()
        except Unreachable as gone:
            return Answer(State.FAILED, reason=Reason.UNREACHABLE, message=gone.cause or gone.message)
        if time.monotonic() - begun > _LONGEST:
            return Answer(State.FAILED, reason=Reason.BUSY, message="reading the account's operations took too long")
        return None

    def prepare(self, op: Operation) -> str | None:
        self._confirm()
        with self._named():
            return self._gateway.prepare(op)

    def charge(self, op: Operation) -> Answer:
        return self.refusal() or self._write(self._gateway.charge, op)

    def capture(self, op: Operation) -> Answer:
        return self.refusal() or self._write(self._gateway.capture, op)

    def void(self, op: Operation) -> Answer:
        return self.refusal() or self._write(self._gateway.void, op)

    def refund(self, op: Operation) -> Answer:
        return self.refusal() or self._write(self._gateway.refund, op)

    def lookup(self, reference: str, kind: Kind) -> Found:
        self._confirm()
        with self._named():
            return self._gateway.lookup(reference, kind)

    def find(self, op: Operation) -> Found | Absent | Ambiguous:
        self._confirm()
        with self._named():
            return self._gateway.find(op)

    def changes(self, cursor: str | None) -> Iterator[Change]:
        self._confirm()
        with self._named():
            yield from self._gateway.changes(cursor)

    def records(self, since: datetime, until: datetime) -> Iterator[Entry]:
        self._confirm()
        with self._named():
            yield from self._gateway.records(since, until)

    def close(self) -> None:
        self._gateway.close()

    def _write(self, call: Callable[[Operation], Answer], op: Operation) -> Answer:
        with self._named():
            return call(op)

    @contextmanager
    def _named(self) -> Iterator[None]:
        """The account is named in its errors."""
        try:
            yield
        except UnknownReference:
            raise
        except Misconfigured as error:
            raise Misconfigured(f"{error.message} ({self._name})", cause=error.cause, fix=error.fix) from error

    def _compare_once(self) -> None:
        """Raises Misconfigured where the account has operations of ours that the books do not know, Unreachable."""
        with self._one_at_a_time:
            if not self._compared:
                self._compare(self._name, self._gateway)
                self._compared = True
            if self._problem:
                raise self._problem

    def _confirm(self) -> None:
        """Raises Misconfigured for another account than the one in the database, and Unreachable."""
        with self._one_at_a_time:
            if self._confirmed:
                return
            if self.unreachable:
                raise Unreachable("the gateway cannot be reached", cause=f"{self._name} could not be asked who it is")
            found = self.identity()
            if self.remembered is not None and found != self.remembered:
                raise another_account(self._name, self.remembered, found)
            self._confirmed = True


def another_account(name: str, remembered: Identity, found: Identity) -> Misconfigured:
    """The error for another account than the one in the database."""
    fix = f"correct the account's URL, or after a migration: csctl gateway accept {name}"
    if found.account:
        fix += f" --account {found.account}"
    elif remembered.account:  # a key without the right to read it
        fix = "correct the account's URL, and give its key the right to read the account"
    return Misconfigured(
        f"the gateway account {name} is {shown(found)}, and this database knows it as {shown(remembered)}",
        cause="what another account does not know would be taken for never carried out",
        fix=fix,
    )


def shown(identity: Identity) -> str:
    """An identity in words."""
    mode = "live" if identity.livemode else "test"
    return f"{identity.account or 'an account without an id'} ({mode})"
