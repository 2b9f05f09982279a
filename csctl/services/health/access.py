"""Checks of limits, connections and tokens, for `doctor`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from sqlalchemy import or_, select

from csctl.domain.states import Role
from csctl.models import Operator
from csctl.services.administration import grants as rights
from csctl.services.administration import settings
from csctl.services.health.finding import Problem

if TYPE_CHECKING:
    from csctl.app import App

_OLD = timedelta(days=365)


def connection(app: App) -> Iterator[Problem]:
    """A connection to PostgreSQL that other computers on the network can read."""
    if app.engine.dialect.name != "postgresql":
        return
    with app.read() as session:
        driver: Any = session.connection().connection.dbapi_connection
        encrypted, host, address = driver.pgconn.ssl_in_use, driver.info.host, driver.info.hostaddr
    if not (encrypted or host.startswith(("/", "@")) or (address and ip_address(address).is_loopback)):
        yield Problem(
            "the connection to PostgreSQL is not encrypted: others on the network can read and change what it carries",
            "add ?sslmode=verify-full to CSCTL_DATABASE_URL",
            "warning",
        )


def grants(app: App) -> Iterator[Problem]:
    """Groups of PostgreSQL with other rights than this version grants: a migration may add tables and columns."""
    if app.engine.dialect.name != "postgresql":
        return
    with app.read() as session:
        if not rights.are_current(session):
            yield Problem("the groups of PostgreSQL have the rights of another version", "csctl db grants --apply")


def limits(app: App) -> Iterator[Problem]:
    """Agents without a refund limit."""
    with app.read() as session:
        if not settings.refund_limits(session) and session.scalar(_active().where(Operator.role == Role.AGENT)):
            yield Problem(
                "agents have no refund limit: each of them may return every sale",
                "csctl setting set agent-refund-limit '50 USD'",
                "warning",
            )


def tokens(app: App) -> Iterator[Problem]:
    """Tokens that have been valid for more than a year."""
    now = app.clock.now()
    valid = or_(Operator.token_expires_at.is_(None), Operator.token_expires_at > now)
    with app.read() as session:
        for name in session.scalars(_active().where(valid, Operator.token_created_at < now - _OLD)):
            yield Problem(
                f"the token of {name} is more than a year old", f"csctl operator rotate-token {name}", "warning"
            )


def _active() -> Any:
    return select(Operator.name).where(Operator.disabled_at.is_(None)).order_by(Operator.id)
