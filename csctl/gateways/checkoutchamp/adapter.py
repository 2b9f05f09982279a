"""An account whose records are imported. Money is refunded where it was taken: at the gateway behind it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime

from csctl.domain.comparison import Entry
from csctl.domain.states import Kind
from csctl.errors import Misconfigured, Unreachable
from csctl.gateways.checkoutchamp.account import Account
from csctl.gateways.operations import (
    Absent,
    Ambiguous,
    Answer,
    Capabilities,
    Change,
    Finds,
    Found,
    Identity,
    Operation,
    Possible,
    Problem,
)


class CheckoutChamp:
    """It retries refunds itself, without keys and without telling: paying there as well would pay twice."""

    def __init__(self, client: Account, login: str, *, livemode: bool) -> None:
        self.client = client  # to read what an import needs
        self._login, self._livemode = login, livemode
        self.capabilities = Capabilities(
            void_captured=Possible.NO,
            partial_refund=False,
            finds=Finds.NOTHING,
            reports_settlement=False,
            tells_refunded_total=False,
            moves_money=False,
            deadline=client.deadline,
        )

    def identity(self) -> Identity:
        return Identity(None, self._livemode)

    def check(self) -> Sequence[Problem]:
        day = date(2020, 1, 1)
        try:
            self.client.count("customer", day, day)
        except Unreachable as error:
            return [Problem.of(error)]
        return []

    def prepare(self, op: Operation) -> str | None:
        raise _imports_only()

    def charge(self, op: Operation) -> Answer:
        raise _imports_only()

    def capture(self, op: Operation) -> Answer:
        raise _imports_only()

    def void(self, op: Operation) -> Answer:
        raise _imports_only()

    def refund(self, op: Operation) -> Answer:
        raise _imports_only()

    def lookup(self, reference: str, kind: Kind) -> Found:
        raise _imports_only()

    def find(self, op: Operation) -> Found | Absent | Ambiguous:
        raise _imports_only()

    def changes(self, cursor: str | None) -> Iterator[Change]:
        raise _imports_only()

    def records(self, since: datetime, until: datetime) -> Iterator[Entry]:
        raise _imports_only()

    def close(self) -> None:
        self.client.close()


def _imports_only() -> Misconfigured:
    return Misconfigured(
        "csctl moves no money at CheckoutChamp",
        cause="it retries refunds by itself, so that the customer could be paid twice",
        fix="import with --map-merchant ID=NAME: then refunds go to the gateway that took the money",
    )
