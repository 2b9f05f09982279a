"""The gateway accounts of this environment by name, and the kinds of gateways that csctl knows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from csctl.clock import Clock
from csctl.errors import Misconfigured
from csctl.gateways.pace import Paced, split
from csctl.gateways.protocol import Gateway
from csctl.gateways.sandbox import Sandbox
from csctl.settings import GATEWAY

KINDS = ("sandbox",)


class Registry:
    """Accounts by name, each opened when it is first used. Calls no gateway and reads no database."""

    def __init__(self, urls: Mapping[str, str], clock: Clock) -> None:
        self._urls, self._clock = urls, clock
        self._open: dict[str, Gateway] = {}
        self._refused: dict[str, Misconfigured] = {}

    def __getitem__(self, name: str) -> Gateway:
        """The account. Raises Misconfigured where it is not configured, or is of an unknown kind."""
        if name not in self._urls:
            raise Misconfigured(
                f"the gateway account {name} is not configured",
                cause="the transaction was made there",
                fix=f"set {GATEWAY}{name.upper()}",
            )
        if name in self._refused:
            raise self._refused[name]
        if name not in self._open:
            self._open[name] = _opened(name, self._urls[name], self._clock)
        return self._open[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._urls)

    def refuse(self, name: str, error: Misconfigured) -> None:
        """Have every further use of an account raise this: it takes no credentials of ours."""
        self._refused[name] = error

    def window(self, wanted: int) -> int:
        """How many calls may be in flight, so that none waits too long for its turn at the slowest account."""
        return min([wanted, *(pace.window for url in self._urls.values() if (pace := split(url)[1]))])

    def kind(self, name: str) -> str:
        """The kind of a configured account."""
        return kind_of(self._urls[name])

    def sandboxes(self) -> dict[str, Sandbox]:
        """The accounts that are sandboxes, without their pace: for a look at their ledgers."""
        return {
            name: Sandbox.at(split(url)[0], self._clock)
            for name, url in self._urls.items()
            if kind_of(url) == "sandbox"
        }


def _opened(name: str, url: str, clock: Clock) -> Gateway:
    if problem := problem_of(name, url):
        raise problem
    bare, pace = split(url)
    account = Sandbox.at(bare, clock)
    return Paced(account, pace) if pace else account


def kind_of(url: str) -> str:
    """The kind that a gateway's URL names: the part before the colon."""
    kind, colon, _ = url.partition(":")
    return kind if colon else "?"  # without one it may be a key, which is not to be repeated


def problem_of(name: str, url: str) -> Misconfigured | None:
    """Why an account cannot be opened: a kind that csctl does not know, or a rate that it cannot read."""
    variable, kind = f"{GATEWAY}{name.upper()}", kind_of(url)
    if kind not in KINDS:
        return Misconfigured(
            f"{variable} names the unknown gateway {kind!r}",
            fix=f"write one of: {', '.join(f'{k}:…' for k in KINDS)}",
        )
    try:
        split(url)
    except Misconfigured as error:
        return Misconfigured(f"{variable}: {error.message}", fix=error.fix)
    return None
