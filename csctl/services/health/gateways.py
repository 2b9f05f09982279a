"""The gateway accounts of this environment: their capabilities and problems."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from csctl.domain.plurals import counted
from csctl.domain.states import SALES, State
from csctl.errors import CsctlError
from csctl.gateways.identified import another_account
from csctl.gateways.operations import Identity, Problem
from csctl.models import GatewayAccount, GatewayCursor, PaymentMethod, Transaction
from csctl.results import Page, Row
from csctl.services.payments import accounts

if TYPE_CHECKING:
    from csctl.app import App


def listing(app: App) -> Page:
    """The accounts, by name. Calls no gateway."""
    return Page(_row(app, name) for name in sorted(app.gateways))


def check(app: App, name: str | None) -> list[Row]:
    """The problems of an account, or of all: one row each, or one row with its identity. Reads only.

    Raises NotFound.
    """
    if name is None:
        return [row for one in sorted(app.gateways) for row in check(app, one)]
    accounts.require(app, name)
    identity, problems = look(app, name)
    who = {"name": name, "account": identity.account if identity else None, "mode": _mode(identity)}
    if not problems:
        return [{**who, "status": "ok", "problem": None, "fix": None}]
    return [{**who, "status": "problem", "problem": one.what, "fix": one.fix} for one in problems]


def look(app: App, name: str) -> tuple[Identity | None, list[Problem]]:
    """Whose account answers, and what is wrong with it. Reads only."""
    try:
        account = app.gateways[name]
        problems = list(account.check())
        if problems:
            return None, problems + (_without_last4(app, name) if account.capabilities.needs_last4 else [])
        identity = account.identity()
        if account.remembered and identity != account.remembered:
            raise another_account(name, account.remembered, identity)
        accounts.require_usable(app, name, identity, accounts.remembered(app))
        return identity, []
    except CsctlError as error:
        return None, [Problem.of(error)]


def _without_last4(app: App, name: str) -> list[Problem]:
    """The sales that cannot be refunded while the account cannot be asked for the digits of their cards."""
    sales = (
        select(func.count(Transaction.id))
        .join(PaymentMethod, PaymentMethod.id == Transaction.payment_method_id, isouter=True)
        .where(
            Transaction.gateway == name,
            Transaction.kind.in_(SALES),
            Transaction.state == State.APPROVED,
            Transaction.voided_at.is_(None),
            Transaction.refunded < Transaction.amount,
            PaymentMethod.last4.is_(None),
        )
    )
    with app.read() as session:
        number = session.scalar(sales) or 0
    what = f"{counted(number, 'sale')} cannot be refunded: the last four digits of the card are not known"
    fix = "csctl data import payment-methods FILE --update, with their last4"
    return [Problem(what, fix)] if number else []


def _row(app: App, name: str) -> Row:
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
