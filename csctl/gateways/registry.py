"""The gateway accounts of this environment by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from csctl.clock import Clock
from csctl.domain.reasons import NOT_SENT, Reason
from csctl.errors import CsctlError, Misconfigured, Unreachable
from csctl.gateways import kinds, urls
from csctl.gateways.identified import Identified
from csctl.gateways.operations import Capabilities, Identity
from csctl.gateways.pace import Pace
from csctl.gateways.protocol import Gateway
from csctl.gateways.sandbox import Sandbox
from csctl.gateways.urls import AccountUrl
from csctl.settings import GATEWAY

_ENOUGH = 5  # different sales in a row that an account did not even accept


class Registry:
    """Accounts by name, each opened when it is first used. Calls no gateway and reads no database.

    `known` are the identities in the database: the identity of an account is checked before its first call.
    `compare` raises for an account whose newest operations are not in the books. It is called before the first write.
    `notice` prints that an account makes csctl wait.
    """

    def __init__(
        self,
        given: Mapping[str, str],
        clock: Clock,
        *,
        rehearsal: bool,
        known: Mapping[str, Identity] | None = None,
        compare: Callable[[str, Gateway], object] = lambda name, account: None,
        notice: Callable[[str], None] = lambda text: None,
    ) -> None:
        self._given, self._clock, self._rehearsal = given, clock, rehearsal
        self._known, self._compare, self._notice = dict(known or {}), compare, notice
        self._open: dict[str, Identified] = {}
        self._paces: dict[str, Pace] = {}
        self._refused: dict[str, CsctlError] = {}
        self._unanswered: dict[str, set[object]] = {}

    def __getitem__(self, name: str) -> Identified:
        """The account. Raises Misconfigured if it is not configured, or of an unknown kind; Unreachable if this run
        does not use it any more.
        """
        if name not in self._given:
            raise Misconfigured(
                f"the gateway account {name} is not configured",
                cause="the transaction was made there",
                fix=f"set {GATEWAY}{name.upper()}",
            )
        if name in self._refused:
            raise self._refused[name]
        if name not in self._open:
            url, pace = self.url(name), self._pace(name)
            clock = self._clock
            account = kinds.open_account(url, rehearsal=self._rehearsal, now=clock.now, zone=clock.zone, pace=pace)
            self._open[name] = Identified(account, name, self._known.get(name), self._compare)
        return self._open[name]

    def for_money(self, name: str) -> Identified:
        """An account for refunds and voids. Raises Misconfigured also for one that records are only imported from."""
        account = self[name]
        if not account.capabilities.moves_money:
            raise Misconfigured(
                f"csctl moves no money at {name}",
                cause="the system retries refunds by itself, so that the customer could be paid twice",
                fix="import with --map-merchant ID=NAME: then refunds go to the gateway that took the money",
            )
        return account

    def capabilities(self, name: str) -> Capabilities:
        """What an account can do, also one that this run does not use any more: the answers that come in from it are
        recorded all the same. Raises Misconfigured if it is not configured.
        """
        return (self._open.get(name) or self[name]).capabilities

    def __iter__(self) -> Iterator[str]:
        return iter(self._given)

    def usable(self) -> Iterator[str]:
        """The names of the accounts that this run has not stopped using."""
        return (name for name in self._given if name not in self._refused)

    @property
    def refused(self) -> Mapping[str, CsctlError]:
        """Why this run does not use some accounts any more, by their names."""
        return self._refused

    def refuse(self, name: str, error: CsctlError) -> None:
        """Raise this error for every further use of an account: it refuses csctl's credentials."""
        self._refused[name] = error

    def note(self, name: str, reason: Reason | None, sale: object) -> bool:
        """Record the answer of an account to an operation on a sale. After several different sales in a row that were
        not even sent, this run does not use it any more; True when that begins.
        """
        if reason not in NOT_SENT:
            self._unanswered.pop(name, None)
            return False
        unanswered = self._unanswered.setdefault(name, set())
        unanswered.add(sale)
        if len(unanswered) < _ENOUGH or name in self._refused:
            return False
        self.refuse(name, Unreachable(f"{name} is left alone", cause=f"{_ENOUGH} sales in a row were {reason}"))
        return True

    def window(self, wanted: int) -> int:
        """The number of calls that may be in flight, so that none waits too long for its turn at the
        slowest account.
        """
        return min([wanted, *(self._pace(name).window for name in self._given)])

    def url(self, name: str) -> AccountUrl:
        """The URL of a configured account. Raises Misconfigured."""
        return urls.parse(self._given[name], f"{GATEWAY}{name.upper()}")

    def kind(self, name: str) -> str:
        """The kind of a configured account. Raises Misconfigured."""
        return self.url(name).kind

    def rate(self, name: str) -> str | None:
        """The maximum rate of calls to an account, as `20/s`; None without a limit. Raises Misconfigured."""
        return kinds.rate_of(self.url(name))

    def sandboxes(self) -> dict[str, Sandbox]:
        """The accounts that are sandboxes, for access to their ledgers."""
        found = ((name, self[name].unchecked()) for name in self._given if self.kind(name) == "sandbox")
        return {name: account for name, account in found if isinstance(account, Sandbox)}

    def close(self) -> None:
        """Close the connections of all accounts."""
        for account in self._open.values():
            account.close()

    def _pace(self, name: str) -> Pace:
        if name not in self._paces:
            self._paces[name] = kinds.pace_of(self.url(name))
            self._paces[name].notice = lambda text: self._notice(f"{name} {text}")
        return self._paces[name]


def problem_of(name: str, given: str) -> Misconfigured | None:
    """Why an account cannot be opened: an unknown kind, or an invalid URL."""
    try:
        url = urls.parse(given, f"{GATEWAY}{name.upper()}")
        kinds.refuse_unknown(url)
        kinds.pace_of(url)
        _ = url.shared
    except Misconfigured as error:
        return error
    return None
