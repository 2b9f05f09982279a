"""The gateway accounts of this environment, each compared with the identity in the database."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from csctl.app import App
from csctl.domain.outcomes import Outcome
from csctl.domain.states import SALES, Kind, State
from csctl.errors import Conflict, Misconfigured, NotFound, Unreachable
from csctl.gateways import urls
from csctl.gateways.identified import shown
from csctl.gateways.operations import Finds, Identity
from csctl.gateways.protocol import UnknownReference
from csctl.gateways.registry import Registry, problem_of
from csctl.models import GatewayAccount, Transaction
from csctl.results import Result
from csctl.services.payments import restored
from csctl.services.shared import audit
from csctl.settings import GATEWAY

Known = Mapping[str, tuple[str, Identity | None]]  # kind and identity of each account in the database


def open_all(app: App) -> Registry:
    """Open the accounts by name. Call it before a database transaction begins: it reads the known identities.

    Raises Misconfigured if none is configured, if an account is of another kind than in the database, and for a sandbox
    outside of a rehearsal, where no money would move.
    """
    for problem in problems(app):
        raise problem
    known = {name: identity for name, (_, identity) in remembered(app).items() if identity}
    compare = restored.comparison(app)
    return Registry(
        app.settings.gateways, app.clock, rehearsal=app.rehearsal, known=known, compare=compare, notice=app.notice
    )


def remember(app: App, *, store: bool = True) -> None:
    """Identify each account before it is first used, and `store` its identity.

    An account that cannot be reached now, or that refuses its key, is not used in this run. Raises Misconfigured if
    this database may not use it.
    """
    known = remembered(app)
    for name in list(app.gateways.usable()):
        kind, identity = known.get(name, (None, None))
        if identity is None:
            found = _identify(app, name, known)
            if store and (found or (kind is None and name in app.gateways.usable())):
                _keep(app, name, found)


def compare(app: App) -> None:
    """Compare the books with the accounts at their first use, and after a pause: there may be much to read, too much
    for the lease of an attempt. Nothing is sent to an account that has what the books do not know.
    """
    comparison = restored.comparison(app)
    for name in filter(comparison.is_due, app.gateways.usable()):
        account = app.gateways[name]
        try:
            done = comparison(name, account.confirmed())
        except (Misconfigured, Unreachable) as problem:
            account.compared(problem)
            continue
        account.compared()
        if done:
            with app.write() as session:
                session.get_one(GatewayAccount, name).accepted_at = app.clock.now()


def _identify(app: App, name: str, known: Known) -> Identity | None:
    """Whose account it is, if it can be reached now. Raises Misconfigured if this database may not use it."""
    account = app.gateways[name]
    try:
        found = account.identity()
    except Unreachable:
        account.unreachable = True
        return None
    except Misconfigured as error:  # the key is refused: this account alone is not used
        app.gateways.refuse(name, error)
        return None
    require_usable(app, name, found, known)
    _require_newest_sale(app, name, found)
    account.remembered = found
    return found


def require(app: App, name: str) -> None:
    """Raises NotFound for an account that is not configured."""
    if name not in app.gateways:
        raise NotFound(f"there is no gateway account {name}", fix="csctl gateway list")


def accept(app: App, name: str, account: str | None, *, charges: bool = False, dry_run: bool) -> Iterator[Result]:
    """Store another account under a name, after a shop has moved there. It must be the one that answers now.

    Without `account`: the books are up to date with the stored one, which had operations that they did not have; with
    `charges`, also where they lack charges of it.

    Raises NotFound; Conflict if another account answers, or if the books lack what could be paid or charged again;
    Misconfigured if this database may not use it; Unreachable.
    """
    require(app, name)
    found, before = app.gateways[name].identity(), remembered(app).get(name, ("", None))[1]
    if account is None and before is None:
        raise Conflict(f"no account is remembered for {name} yet", fix="csctl txn sync, which remembers it")
    expected = account if account is not None or before is None else before.account
    if found.account != expected:
        raise Conflict(
            f"the gateway account {name} answers as {shown(found)}, and not as {expected}",
            fix=f"correct {GATEWAY}{name.upper()}, or csctl gateway check {name}",
        )
    app.gateways.url(name).refuse_mode(live=found.livemode, rehearsal=app.rehearsal)
    same = before == found
    message = shown(found) if before is None else f"{shown(before)} -> {shown(found)}"
    up_to_date = app.clock.now()
    if same:
        up_to_date = restored.accepted(app, name, app.gateways[name].unchecked(), charges=charges)
    with app.write(dry_run=dry_run) as session:
        row = session.get(GatewayAccount, name)
        if row is None:
            row = GatewayAccount(name=name, kind=app.gateways.kind(name), first_used_at=app.clock.now())
            session.add(row)
        row.account, row.livemode, row.accepted_at = found.account, found.livemode, up_to_date
        audit.write(session, app, Outcome.UPDATED, target=name, before=before and before.account, after=found.account)
    yield Result(name, Outcome.UPDATED, "the books are up to date with it" if same else message, dry_run=dry_run)


def require_usable(app: App, name: str, found: Identity, known: Known) -> None:
    """Raises Misconfigured for an account of the wrong mode, and for one that has another name here already."""
    app.gateways.url(name).refuse_mode(live=found.livemode, rehearsal=app.rehearsal)
    for other, (_, identity) in known.items():
        if other != name and found.account and identity == found:
            raise Misconfigured(
                f"{GATEWAY}{name.upper()} is {shown(found)}, which this database knows as {other}",
                cause="a sale would be looked for under the wrong name",
                fix=f"use the account name {other}",
            )


def _require_newest_sale(app: App, name: str, found: Identity) -> None:
    """Raises Misconfigured for an account that does not have the newest sale that this database has from it."""
    newest = _newest_sale(app, name)
    if newest is None or app.gateways[name].capabilities.finds is Finds.NOTHING:
        return
    number, kind, ref = newest
    variable = f"{GATEWAY}{name.upper()}"
    try:
        app.gateways[name].unchecked().lookup(ref, kind)
    except UnknownReference:
        raise Misconfigured(
            f"{variable} is {shown(found)}, and it does not know the newest sale of {name}: txn_{number}",
            cause="it is another account than the one that charged it",
            fix=f"correct {variable}"
            + (", or csctl sandbox adopt" if app.gateways.url(name).kind == "sandbox" else ""),
        ) from None
    except Unreachable:
        return


def _newest_sale(app: App, name: str) -> tuple[int, Kind, str] | None:
    """The newest approved sale of an account that the gateway can look up."""
    newest = (
        select(Transaction.id, Transaction.kind, Transaction.gateway_ref)
        .where(
            Transaction.gateway == name,
            Transaction.kind.in_(SALES),
            Transaction.state == State.APPROVED,
            Transaction.gateway_ref.is_not(None),
        )
        .order_by(Transaction.id.desc())
        .limit(1)
    )
    with app.read() as session:
        found = session.execute(newest).first()
        return (found[0], found[1], found[2]) if found and found[2] else None


def problems(app: App) -> Iterator[Misconfigured]:
    """The problems of the accounts of this environment. Changes nothing."""
    if not app.settings.gateways:
        yield Misconfigured("no gateway is configured", fix=f"set {GATEWAY}MAIN")
    known = known_kinds(app)
    for name, url in app.settings.gateways.items():
        if problem := problem_of(name, url) or _problem(app, name, urls.parse(url).kind, known.get(name)):
            yield problem


def known_kinds(app: App) -> dict[str, str]:
    """The kind of each account in this database."""
    return {name: kind for name, (kind, _) in remembered(app).items()}


def remembered(app: App) -> dict[str, tuple[str, Identity | None]]:
    """The kind and identity of each account in this database."""
    with app.read() as session:
        return {
            row.name: (row.kind, None if row.livemode is None else Identity(row.account, row.livemode))
            for row in session.scalars(select(GatewayAccount))
        }


def _keep(app: App, name: str, found: Identity | None) -> None:
    try:
        with app.write() as session:
            row = session.get(GatewayAccount, name)
            if row is None:
                row = GatewayAccount(name=name, kind=app.gateways.url(name).kind, first_used_at=app.clock.now())
                session.add(row)
            if found is not None:
                row.account, row.livemode = found.account, found.livemode
    except IntegrityError:  # another process was first, at this moment
        for problem in problems(app):
            raise problem from None


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
