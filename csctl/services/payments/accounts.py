"""The gateway accounts of this environment, each checked against what the database remembers of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from csctl.errors import Misconfigured
from csctl.gateways.pace import Paced, split
from csctl.gateways.protocol import Gateway
from csctl.models import GatewayAccount
from csctl.settings import GATEWAY

if TYPE_CHECKING:
    from csctl.app import App

KINDS = ("sandbox",)


class Gateways:
    """Accounts by name. Made before a database transaction begins, since it looks at what the database remembers.

    Raises Misconfigured if none is configured, if an account is of another kind than the database remembers, and for
    a sandbox outside of a rehearsal: somebody would believe that money moved.
    """

    def __init__(self, app: App) -> None:
        self._app = app
        self._urls = app.settings.gateways
        self._clock = app.clock
        self._open: dict[str, Gateway] = {}
        self._refused: dict[str, Misconfigured] = {}
        for problem in problems(app):
            raise problem

    def __getitem__(self, name: str) -> Gateway:
        """The account. Raises Misconfigured if this environment does not know it."""
        if name not in self._urls:
            raise Misconfigured(
                f"the gateway account {name} is not configured",
                cause="the transaction was made there",
                fix=f"set {GATEWAY}{name.upper()}",
            )
        if name in self._refused:
            raise self._refused[name]
        if name not in self._open:
            from csctl.gateways.sandbox import Sandbox

            url, pace = split(self._urls[name])
            account: Gateway = Sandbox.at(url, self._clock)
            self._open[name] = Paced(account, pace) if pace else account
        return self._open[name]

    def refuse(self, name: str, error: Misconfigured) -> None:
        """The account takes no credentials of ours: this process need not try with every record."""
        self._refused[name] = error

    def __iter__(self) -> Iterator[str]:
        return iter(self._urls)

    def window(self, wanted: int) -> int:
        """How many calls may be in flight, so that none waits too long for its turn at the slowest account."""
        return min([wanted, *(pace.window for url in self._urls.values() if (pace := split(url)[1]))])

    def remember(self) -> None:
        """Let the database remember which kinds the accounts are of, before they are first used."""
        app, known = self._app, known_kinds(self._app)
        for name in self._urls:
            if name in known:
                continue
            try:
                with app.write() as session:
                    session.add(GatewayAccount(name=name, kind=_kind(self._urls[name]), first_used_at=app.clock.now()))
            except IntegrityError:  # another process was first, this very moment
                for problem in problems(app):
                    raise problem from None


def problems(app: App) -> Iterator[Misconfigured]:
    """What is wrong with the accounts of this environment. Changes nothing."""
    if not app.settings.gateways:
        yield Misconfigured("no gateway is configured", fix=f"set {GATEWAY}MAIN")
    known = known_kinds(app)
    for name, url in app.settings.gateways.items():
        if problem := _problem(app, name, _kind(url), known.get(name)):
            yield problem


def known_kinds(app: App) -> dict[str, str]:
    """The kind of each account that this database has seen."""
    with app.read() as session:
        return dict(session.execute(select(GatewayAccount.name, GatewayAccount.kind)).all())


def _kind(url: str) -> str:
    kind, colon, _ = url.partition(":")
    return kind if colon else "?"  # without one it may be a key, which is not to be repeated


def _problem(app: App, name: str, kind: str, known: str | None) -> Misconfigured | None:
    variable = f"{GATEWAY}{name.upper()}"
    if kind not in KINDS:
        return Misconfigured(
            f"{variable} names the unknown gateway {kind!r}",
            fix=f"write one of: {', '.join(f'{k}:…' for k in KINDS)}",
        )
    try:
        split(app.settings.gateways[name])
    except Misconfigured as error:
        return Misconfigured(f"{variable}: {error.message}", fix=error.fix)
    if kind == "sandbox" and not app.rehearsal:
        return Misconfigured(
            f"{variable} is the sandbox, and this database is no rehearsal",
            cause="the sandbox moves no money, and these are real customers",
            fix="configure the real gateway, or make a database with db init --rehearsal",
        )
    if known is not None and known != kind:
        return Misconfigured(
            f"{variable} is {kind}, and this database knows {name} as {known}",
            cause="sales would be looked for where they were not made",
            fix="correct the variable, or give the new account another name",
        )
    return None
