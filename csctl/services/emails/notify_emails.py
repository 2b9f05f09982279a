"""The Notify Emails: the addresses that receive a message when a queued refund is exhausted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.orm import Session

from csctl.domain.contact import email_address
from csctl.domain.outcomes import Outcome
from csctl.errors import Conflict, NotFound
from csctl.models import NotifyEmail
from csctl.results import Result, Row
from csctl.services.shared import audit, bulk

if TYPE_CHECKING:
    from csctl.app import App


def listing(app: App) -> list[Row]:
    """All of them, newest first. The `id` is the address."""
    with app.read() as session:
        found = session.scalars(select(NotifyEmail).order_by(NotifyEmail.id.desc())).all()
    return [{"id": row.address, "email": row.address, "created_at": row.created_at} for row in found]


def add(app: App, addresses: Sequence[str], *, dry_run: bool, fail_fast: bool = False) -> Iterator[Result]:
    def change(session: Session, item: bulk.Word) -> Result:
        address = email_address(item.given)
        if known := _called(session, address):
            raise Conflict(f"{known.address} is already one of the Notify Emails")
        session.add(NotifyEmail(address=address, created_at=app.clock.now(), created_by=app.actor.id))
        audit.write(session, app, Outcome.CREATED, target="notify emails", added=1)
        return Result(item.given, Outcome.CREATED)

    return bulk.each(app, [bulk.Word(text) for text in addresses], change, dry_run=dry_run, fail_fast=fail_fast)


def remove(app: App, addresses: Sequence[str], *, dry_run: bool, fail_fast: bool = False) -> Iterator[Result]:
    def change(session: Session, item: bulk.Word) -> Result:
        row = _called(session, email_address(item.given))
        if row is None:
            raise NotFound(f"{item.given} is not one of the Notify Emails", fix="csctl queue notify list")
        session.delete(row)
        audit.write(session, app, Outcome.REMOVED, target="notify emails", removed=1)
        return Result(item.given, Outcome.REMOVED)

    return bulk.each(app, [bulk.Word(text) for text in addresses], change, dry_run=dry_run, fail_fast=fail_fast)


def _called(session: Session, address: str) -> NotifyEmail | None:
    """The one with this address, else one that differs only in case: for mail servers they are the same."""
    same = [row for row in session.scalars(select(NotifyEmail)) if row.address.casefold() == address.casefold()]
    return min(same, key=lambda row: row.address != address, default=None)
