"""Rights of the operator's role, and refusals for lack of them, which the audit log records."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import NoReturn

from sqlalchemy import select
from sqlalchemy.orm import Session

from csctl.app import App
from csctl.domain import permissions
from csctl.domain.states import Direction
from csctl.errors import CsctlError, Misconfigured, NotPermitted, RightsLost
from csctl.models import Move, Operator
from csctl.services.shared import audit


def require(app: App, action: str) -> None:
    """Raises NotPermitted, and records it in the audit log, unless the operator's role may do this."""
    roles = permissions.allowed(action)
    if app.actor.role not in roles:
        refuse(
            app,
            NotPermitted(
                f"{action} is not for the role {app.actor.role.value}",
                cause=f"it needs the role {permissions.describe(roles)}",
                fix="ask an operator with that role",
            ),
        )


def require_active(app: App) -> None:
    """Raises Misconfigured on a database whose shop has moved: a change here would be lost, or made twice."""
    if app.retired_at:
        raise Misconfigured(
            "this database is retired",
            cause=f"its shop was moved to another database on {app.retired_at:%Y-%m-%d}; this is {app.where}",
            fix="set CSCTL_DATABASE_URL to the new database",
        )


def look_again(session: Session, app: App) -> None:
    """Read the operator's rights again, for the next record of a long command.

    Raises RightsLost if the operator was disabled, the token has expired, or the role may not run the command any more;
    Misconfigured if the shop has moved in the time between.
    """
    if app.operator is None:
        return
    moved = select(Move.at).where(Move.direction == Direction.OUT).scalar_subquery()
    columns = (Operator.role, Operator.disabled_at, Operator.token_expires_at, moved.label("moved_at"))
    found = session.execute(select(*columns).where(Operator.id == app.operator.id)).one_or_none()
    if found and found.moved_at:
        app.retired_at = found.moved_at
        require_active(app)
    expired = found and found.token_expires_at is not None and found.token_expires_at <= app.clock.now()
    if found is None or found.disabled_at or expired or found.role not in permissions.allowed(app.command):
        raise RightsLost(
            f"{app.operator.name} may not continue",
            cause="the operator was disabled, the token has expired, or the role was changed while this ran",
            fix="ask an administrator; what is done stays done",
        )
    app.operator = replace(app.operator, role=found.role)


def refuse(app: App, error: NotPermitted, target: str | None = None) -> NoReturn:
    """Record a refusal in the audit log, and raise it, also if it cannot be recorded."""
    note_refusal(app, error, target)
    raise error


def note_refusal(app: App, error: NotPermitted, target: str | None = None) -> None:
    """Record a refusal in the audit log. If that is impossible, the refusal still stands."""
    error.noted = True
    with suppress(CsctlError), app.write_refusal() as session:
        audit.refused(session, app, error, target)
