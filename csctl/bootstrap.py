"""Start csctl: read settings, connect to the database, identify the operator, and build the App."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from sqlalchemy import Engine, select

from csctl import database
from csctl.app import App
from csctl.clock import Clock
from csctl.errors import CsctlError, Misconfigured, NotPermitted
from csctl.models import Installation
from csctl.services.administration import opening, operators
from csctl.services.administration import settings as shop
from csctl.services.shared import access
from csctl.settings import Settings, mask

if TYPE_CHECKING:
    from csctl.gateways.registry import Registry


def _silent(_text: str) -> None:
    """Print no notices."""


def start(
    settings: Settings,
    command: str,
    notice: Callable[[str], None] = _silent,
    *,
    any_schema: bool = False,
    only_reads: bool = False,
) -> App:
    """Build an App whose operator may run `command`, on a database whose schema is current (unless `any_schema`).

    With `only_reads` it reads from the replica that CSCTL_READ_URL names, if any. Raises Misconfigured, NotPermitted,
    or Unreachable.
    """
    engine = _connect(settings)
    app = App(settings, command, engine, notice, _open_gateways, access.note_refusal)
    try:
        _identify(app, any_schema=any_schema)
        access.require(app, command)
        if only_reads and not any_schema and settings.read_url:
            _read_from_replica(app, settings.read_url)
    except CsctlError:
        app.close()
        raise
    return app


def _open_gateways(app: App) -> Registry:
    from csctl.services.payments import accounts  # most commands need no gateway

    return accounts.open_all(app)


def _read_from_replica(app: App, url: str) -> None:
    """Have the App read from the replica. Raises Misconfigured if it is not one of this database."""
    installed = select(Installation.created_at)
    with app.read() as session:
        here = session.scalar(installed)
    app.replica = database.connect(url)
    with app.read() as session:
        database.require_current_schema(session)
        if session.scalar(installed) != here:
            raise Misconfigured(
                "CSCTL_READ_URL is the database of another shop",
                cause=f"{mask(url)} is not a replica of {mask(app.settings.database_url)}",
                fix="unset CSCTL_READ_URL, or set it to a replica",
            )


def _connect(settings: Settings) -> Engine:
    """Connect to the database. Raises Misconfigured if it does not exist, or if none is configured."""
    if "CSCTL_DATABASE_URL" not in settings.origins and database.could_be_made(settings.database_url):
        raise Misconfigured(
            "CSCTL_DATABASE_URL is not set, and the default database does not exist",
            cause=f"there is no database at {mask(settings.database_url)}",
            fix="set CSCTL_DATABASE_URL, or csctl profile use NAME; to create one: csctl db init --admin NAME",
        )
    return database.connect(settings.database_url)


def _identify(app: App, *, any_schema: bool) -> None:
    refusal: NotPermitted | None = None
    with app.read() as session:
        if not any_schema or database.current_schema(session) is None:
            database.require_current_schema(session)
        found = opening.read(session, app.settings.token, any_schema=any_schema)
        app.rehearsal, app.retired_at = found.rehearsal, found.retired_at
        if app.settings.now and not app.rehearsal:
            raise Misconfigured(
                "CSCTL_NOW is set, and this database is not a rehearsal",
                cause="the clock can only be set on databases created with db init --rehearsal",
                fix="unset CSCTL_NOW",
            )
        app.shop = shop.shop_of(found.settings)
        app.clock = Clock(zone=app.shop.timezone, fixed=app.settings.now)
        app.operator = found.operator  # a refusal is recorded under the name, too
        try:
            operators.require_valid(found.operator, app.settings.token, app.clock.now())
        except NotPermitted as error:
            where = f"this is {app.where}"
            cause = f"{error.cause}; {where}" if error.cause else where
            refusal = NotPermitted(error.message, cause=cause, fix=error.fix)
    if refusal:
        access.refuse(app, refusal)
    operators.note_use(app)
