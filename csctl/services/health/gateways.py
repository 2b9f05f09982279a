"""The gateway accounts of this environment: their capabilities and problems."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from csctl.errors import CsctlError, NotFound
from csctl.gateways.operations import Identity, Problem
from csctl.models import GatewayAccount, GatewayCursor
from csctl.results import Page

if TYPE_CHECKING:
    from csctl.app import App


def listing(app: App) -> Page:
    """The accounts, by name. Calls no gateway."""
    return Page(_row(app, name) for name in sorted(app.gateways))


def check(app: App, name: str) -> list[dict[str, Any]]:
    """The problems of an account, one row each, or one row with its identity. Reads only.

    Raises NotFound.
    """
    if name not in set(app.gateways):
        raise NotFound(f"there is no gateway account {name}", fix="csctl gateway list")
    identity: Identity | None = None
    try:
        account = app.gateways[name]
        problems = list(account.check())
        identity = None if problems else account.identity()
    except CsctlError as error:
        what = f"{error.message}: {error.cause}" if error.cause else error.message
        problems = [Problem(what, error.fix or "try again later")]
    who = {"name": name, "account": identity.account if identity else None, "mode": _mode(identity)}
    if not problems:
        return [{**who, "status": "ok", "problem": None, "fix": None}]
    return [{**who, "status": "problem", "problem": one.what, "fix": one.fix} for one in problems]


def _row(app: App, name: str) -> dict[str, Any]:
    url, can = app.gateways.url(name), app.gateways[name].capabilities
    with app.read() as session:
        known, cursor = session.get(GatewayAccount, name), session.get(GatewayCursor, name)
    return {
        "name": name,
        "kind": url.kind,
        "account": getattr(known, "account", None),
        "mode": _remembered_mode(known),
        "rate": app.gateways.rate(name),
        "void_captured": can.void_captured.value,
        "refund_unsettled": can.refund_unsettled.value,
        "finds": can.finds.value,
        "keys_live_hours": _hours(can.keys_live),
        "absence_after_hours": _hours(max(can.absence_final_after.values(), default=None)),
        "refund_watch_days": can.refund_watch.days,
        "changes": can.changes,
        "synced_at": cursor.moved_at if cursor else None,
        "first_used_at": known.first_used_at if known else None,
    }


def _hours(span: timedelta | None) -> int | None:
    return None if span is None else int(span.total_seconds() // 3600)


def _mode(identity: Identity | None) -> str | None:
    return None if identity is None else "live" if identity.livemode else "test"


def _remembered_mode(known: GatewayAccount | None) -> str | None:
    livemode = getattr(known, "livemode", None)
    return None if livemode is None else "live" if livemode else "test"
