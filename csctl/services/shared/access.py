"""Rights: what the operator's role may do, and refusals for lack of them, which go into the audit log."""

from __future__ import annotations

from contextlib import suppress
from typing import NoReturn

from csctl.app import App
from csctl.domain import permissions
from csctl.errors import CsctlError, NotPermitted
from csctl.services.shared import audit


def require(app: App, action: str) -> None:
    """Raises NotPermitted, and notes it in the audit log, unless the operator's role may do this."""
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


def refuse(app: App, error: NotPermitted, target: str | None = None) -> NoReturn:
    """Note a refusal in the audit log, and raise it: also where it cannot be noted."""
    note_refusal(app, error, target)
    raise error


def note_refusal(app: App, error: NotPermitted, target: str | None = None) -> None:
    """Note a refusal in the audit log. Where that is impossible, the refusal still holds."""
    error.noted = True
    with suppress(CsctlError), app.write_refusal() as session:
        audit.refused(session, app, error, target)
