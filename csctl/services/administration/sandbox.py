"""The sandbox's ledger: list it, teach it, empty it. For administrators of a rehearsal."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from csctl import interrupts
from csctl.clock import parse_time
from csctl.domain import ids
from csctl.domain.money import to_decimal
from csctl.domain.outcomes import Outcome
from csctl.domain.states import Settlement, State
from csctl.errors import Misconfigured
from csctl.gateways.sandbox import Lesson, Sandbox
from csctl.models import Order, PaymentMethod, Transaction
from csctl.results import Page, Result
from csctl.services.shared import audit

if TYPE_CHECKING:
    from csctl.app import App

_BATCH = 500
_WORKS = "tok_ok"


def _sandboxes(app: App) -> list[tuple[str, Sandbox]]:
    """The sandbox accounts of this environment. Raises Misconfigured if there is none."""
    sandboxes = app.gateways.sandboxes()
    if not sandboxes:
        raise Misconfigured("no sandbox is configured", fix="set CSCTL_GATEWAY_MAIN=sandbox:ledger.db")
    return list(sandboxes.items())


def ledger(app: App, limit: int | None) -> Page:
    """The records of the sandbox, newest first. `key` is the attempt's, `result` the answer."""
    rows = [
        {
            "ref": row["ref"],
            "kind": row["kind"],
            "amount": to_decimal(row["amount"], row["currency"]),
            "currency": row["currency"],
            "parent_ref": row["parent_ref"],
            "key": row["key"],
            "result": row["result"],
            "at": parse_time(row["at"]),
            "account": name,
        }
        for name, sandbox in _sandboxes(app)
        for row in sandbox.entries()
    ]
    return Page(reversed(rows), limit)


def adopt(app: App, *, dry_run: bool) -> Iterator[Result]:
    """Teach the sandbox the sales in the database, with their refunds and voids. May be repeated.

    A sale without a gateway reference gets one. Its behavior follows the token of its payment method, or of the
    customer's default one.
    """
    for name, sandbox in _sandboxes(app):
        last, number = 0, 0
        while not interrupts.asked():
            with app.write(dry_run=dry_run) as session:
                found = _transactions(session, name, last)
                lessons = [_lesson(session, row) for row in found]
            if not found:
                break
            if not dry_run:
                sandbox.teach(lessons)
            for row in found:
                yield Result(ids.show("txn", row.id), Outcome.UPDATED, f"{row.kind.value} at {name}", dry_run=dry_run)
            last, number = found[-1].id, number + len(found)
        if not dry_run:
            with app.write() as session:
                audit.write(session, app, Outcome.UPDATED, target=name, adopted=number)


def _transactions(session: Session, account: str, after: int) -> list[Transaction]:
    """The next approved transactions of an account, oldest first, so that a sale comes before its refunds."""
    return list(
        session.scalars(
            select(Transaction)
            .where(Transaction.gateway == account, Transaction.state == State.APPROVED, Transaction.id > after)
            .options(joinedload(Transaction.parent))
            .order_by(Transaction.id)
            .limit(_BATCH)
        )
    )


def _lesson(session: Session, row: Transaction) -> Lesson:
    row.gateway_ref = row.gateway_ref or f"sbx_{uuid.uuid4().hex[:16]}"
    return Lesson(
        ref=row.gateway_ref,
        kind=row.kind,
        amount=row.amount,
        currency=row.currency,
        token=_token(session, row),
        at=row.created_at,
        settled_at=row.settled_at or (row.created_at if row.settlement is Settlement.SETTLED else None),
        parent_ref=row.parent.gateway_ref if row.parent else None,
        voided=row.voided_at is not None,
    )


def _token(session: Session, row: Transaction) -> str:
    """The token of the charged payment method, else of the customer's default one there, else one that always works."""
    if row.payment_method_id is not None:
        charged = session.get(PaymentMethod, row.payment_method_id)
        return charged.token if charged else _WORKS
    own = (
        select(PaymentMethod.token)
        .join(Order, Order.customer_id == PaymentMethod.customer_id)
        .where(Order.id == row.order_id, PaymentMethod.gateway == row.gateway)
        .order_by(PaymentMethod.is_default.desc(), PaymentMethod.id)
        .limit(1)
    )
    return session.scalar(own) or _WORKS


def reset(app: App, *, dry_run: bool) -> Iterator[Result]:
    """Empty the ledger. The database keeps its records; `adopt` teaches the sandbox again."""
    for name, sandbox in _sandboxes(app):
        number = sum(1 for _ in sandbox.entries()) if dry_run else sandbox.reset()
        if not dry_run:
            with app.write() as session:
                audit.write(session, app, Outcome.REMOVED, target=name, operations=number)
        yield Result(name, Outcome.REMOVED, f"{number} operations", dry_run=dry_run)
