"""The gateway accounts of this environment, each checked against what the database remembers of it."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from csctl.app import App
from csctl.errors import Misconfigured
from csctl.gateways import urls
from csctl.gateways.registry import Registry, problem_of
from csctl.models import GatewayAccount
from csctl.settings import GATEWAY


def open_all(app: App) -> Registry:
    """The accounts by name. Call it before a database transaction begins: it reads what the database remembers.

    Raises Misconfigured if none is configured, if an account is of another kind than the database remembers, and for
    a sandbox outside of a rehearsal, where no money would move.
    """
    for problem in problems(app):
        raise problem
    return Registry(app.settings.gateways, app.clock, rehearsal=app.rehearsal)


def remember(app: App) -> None:
    """Let the database remember which kinds the accounts are of, before they are first used."""
    known = known_kinds(app)
    for name in app.gateways:
        if name in known:
            continue
        try:
            with app.write() as session:
                kind = app.gateways.kind(name)
                session.add(GatewayAccount(name=name, kind=kind, first_used_at=app.clock.now()))
        except IntegrityError:  # another process was first, this very moment
            for problem in problems(app):
                raise problem from None


def problems(app: App) -> Iterator[Misconfigured]:
    """What is wrong with the accounts of this environment. Changes nothing."""
    if not app.settings.gateways:
        yield Misconfigured("no gateway is configured", fix=f"set {GATEWAY}MAIN")
    known = known_kinds(app)
    for name, url in app.settings.gateways.items():
        if problem := problem_of(name, url) or _problem(app, name, urls.parse(url).kind, known.get(name)):
            yield problem


def known_kinds(app: App) -> dict[str, str]:
    """The kind of each account that this database has seen."""
    with app.read() as session:
        return dict(session.execute(select(GatewayAccount.name, GatewayAccount.kind)).all())


def _problem(app: App, name: str, kind: str, known: str | None) -> Misconfigured | None:
    variable = f"{GATEWAY}{name.upper()}"
    if kind == "sandbox" and not app.rehearsal:
        return Misconfigured(
            f"{variable} is the sandbox, and this database is not a rehearsal",
            cause="the sandbox moves no money, and these are real customers",
            fix="configure the real gateway, or create a database with db init --rehearsal",
        )
    if known is not None and known != kind:
        return Misconfigured(
            f"{variable} is {kind}, and this database knows {name} as {known}",
            cause="sales would be looked for where they were not made",
            fix="correct the variable, or give the new account another name",
        )
    return None
