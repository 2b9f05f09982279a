"""The values of a purchase before and after a change: in its result, in the history and in the audit log."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date
from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from csctl.domain import ids
from csctl.domain.outcomes import Outcome
from csctl.models import Purchase
from csctl.results import Result, Row
from csctl.services.shared import audit, history
from csctl.services.views import purchases
from csctl.services.views.purchases import Terms

if TYPE_CHECKING:
    from csctl.app import App

# The fields of `purchase list` that a change may touch.
_LISTED = (
    "status",
    "option",
    "price_point",
    "quantity",
    "unit_price",
    "price",
    "interval",
    "cycle",
    "trial_ends_on",
    "next_bill_on",
    "cancel_on",
)
_TERMS = ("option", "price_point", "quantity", "unit_price", "price")


@dataclass(frozen=True)
class Snapshot:
    """The values of a purchase that a change may touch, as decimal strings and ISO dates."""

    values: Row
    next_billing: Terms | None


def snapshot(session: Session, purchase: Purchase) -> Snapshot:
    row = purchases.row(purchase)
    values = {name: row[name] for name in _LISTED}
    values |= {"paused_until": purchase.paused_until, "cancel_after_billing": purchase.cancel_after_billing}
    return Snapshot({name: _plain(value) for name, value in values.items()}, purchases.next_billing(session, purchase))


def result(given: str, outcome: Outcome, before: Snapshot, after: Snapshot) -> Result:
    """The result of a change: `before` and `after` hold the fields that differ."""
    changed = [name for name in after.values if before.values[name] != after.values[name]]
    was, now = ({name: side.values[name] for name in changed} for side in (before, after))
    words = [f"{name} {_said(was[name])} -> {_said(now[name])}" for name in changed]
    if before.next_billing != after.next_billing:
        was["next_billing"], now["next_billing"] = _terms(before), _terms(after)
        words += _next_alone(before.next_billing, after.next_billing, changed)
    extra = {"status": after.values["status"], "before": was, "after": now}
    if not now:
        return Result(given, Outcome.SKIPPED, "no change", extra=extra)
    return Result(given, outcome, ", ".join(words), extra=extra)


def record(session: Session, app: App, purchase: Purchase, said: Result) -> None:
    """Write a change into the customer's history and into the audit log."""
    name = ids.show("pur", purchase.id)
    history.event(session, app, purchase.order.customer_id, f"{name}: {said.message}", order_id=purchase.order_id)
    audit.write(session, app, said.outcome, target=name, before=said.extra["before"], after=said.extra["after"])


def _terms(side: Snapshot) -> Row | None:
    return asdict(side.next_billing) if side.next_billing else None


def _next_alone(old: Terms | None, new: Terms | None, changed: list[str]) -> list[str]:
    """The differences of the next billing alone: `next quantity 1 -> 2`."""
    once = [name for name in _TERMS if name not in changed and new and getattr(old, name, None) != getattr(new, name)]
    return [f"next {name} {_said(getattr(old, name, None))} -> {_said(getattr(new, name))}" for name in once]


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, date) else value


def _said(value: object) -> str:
    return "none" if value is None else {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
