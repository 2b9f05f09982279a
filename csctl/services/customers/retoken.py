"""New tokens of cards, after a gateway has made them, as where a shop moves to another account."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.orm import Session

from csctl.domain import ids
from csctl.domain.outcomes import Outcome
from csctl.domain.states import OPEN_STATES
from csctl.domain.text import accept
from csctl.errors import Conflict, Usage
from csctl.gateways.tokens import forms
from csctl.models import PaymentMethod, Transaction
from csctl.results import Result
from csctl.services.customers import lookup
from csctl.services.shared import audit, bulk, change_files, history
from csctl.services.shared.change_files import Line

if TYPE_CHECKING:
    from csctl.app import App


def lines(file: Path) -> list[Line]:
    """The lines of a CSV file with id or external_id, and token. Raises Usage."""
    return change_files.read(file, known=("token", "old_token", "gateway"), required=("token",))


def retoken(app: App, lines: list[Line], *, dry_run: bool, fail_fast: bool = False) -> Iterator[Result]:
    """Charge these cards by new tokens. Refunds go by the references of the sales, and are not changed."""

    def change(session: Session, line: Line) -> Result:
        number = change_files.number_of(session, PaymentMethod, "pm", line)
        method = bulk.locked(session, PaymentMethod, "pm", number)
        customer, name = lookup.live(session, method.customer_id), ids.show("pm", number)
        new = {"token": accept(line.values.get("token", ""), "token"), "gateway": line.values.get("gateway")}
        _refuse(session, app, method, line)
        same = method.token == new["token"] and new["gateway"] in (None, method.gateway)
        if same:
            return Result(line.given, Outcome.SKIPPED, "no change")
        before = method.gateway
        method.token, method.gateway = new["token"] or "", new["gateway"] or method.gateway
        history.event(session, app, customer.id, f"{name} has a new token at {method.gateway}")
        # A token is never written into the audit log.
        audit.write(session, app, Outcome.UPDATED, target=name, before=before, after=method.gateway)
        return Result(line.given, Outcome.UPDATED, f"a new token at {method.gateway}")

    return bulk.each(app, lines, change, dry_run=dry_run, fail_fast=fail_fast)


def _refuse(session: Session, app: App, method: PaymentMethod, line: Line) -> None:
    """Raises Conflict for another card than the file means, and while a charge is open, which is found by its token."""
    name = ids.show("pm", method.id)
    form = forms(app.settings.gateways).get(line.values.get("gateway") or method.gateway)
    if form and form.parts(line.values["token"]) is None:
        raise Usage(f"line {line.number}: the token of {name} is not written {form.written}")
    old = line.values.get("old_token")
    if old and method.token not in (old, line.values["token"]):
        raise Conflict(f"{name} does not have the old token of line {line.number}", fix="csctl data export")
    if (gateway := line.values.get("gateway")) and gateway not in app.settings.gateways:
        raise Conflict(f"there is no gateway account {gateway}", fix="csctl gateway list")
    charges = select(Transaction.id).where(
        Transaction.payment_method_id == method.id,
        Transaction.state.in_(OPEN_STATES),
        Transaction.parent_id.is_(None),
        Transaction.key.is_not(None),
    )
    if open_one := session.scalar(charges.limit(1)):
        transaction = ids.show("txn", open_one)
        raise Conflict(f"{name} is being charged: {transaction}", fix=f"csctl txn reconcile {transaction}")
