"""A customer's history: notes by people, and events that csctl noted."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from csctl.domain import ids
from csctl.domain.states import HistoryKind
from csctl.domain.text import LONGEST, accept
from csctl.errors import Usage
from csctl.models import HistoryEntry
from csctl.results import Page, Result
from csctl.services.customers import lookup as customers
from csctl.services.shared import audit, bulk, listing, operator_names

if TYPE_CHECKING:
    from csctl.app import App

# The events that are noted with a reason.
_WITH_REASON = re.compile(
    r"(cancelled (?:pur|ord)_\d+|pur_\d+ ends (?:on [\d-]+|after its next billing)|blacklisted \(bli_\d+\)): .*",
    re.DOTALL,
)


def event(
    session: Session,
    app: App,
    customer_id: int,
    text: str,
    order_id: int | None = None,
    transaction_id: int | None = None,
    *,
    kind: HistoryKind = HistoryKind.EVENT,
    reason: str | None = None,
) -> None:
    """Note in a customer's history what csctl did. In the transaction of what it tells of.

    With the `reason` that somebody gave for it, if they did: see `without_reason`.
    """
    text = f"{text}: {reason}" if reason else text
    _add(session, app, kind, customer_id, text, order_id=order_id, transaction_id=transaction_id)


def without_reason(text: str) -> str:
    """An event without what somebody wrote about it. As free text that may name a person."""
    told = _WITH_REASON.fullmatch(text)
    return told[1] if told else text


@dataclass(frozen=True)
class _Subject:
    """The customer whom a note is about, as somebody named them."""

    given: str


def note(app: App, who: str, text: str, *, dry_run: bool = False) -> Iterator[Result]:
    """Keep what a person wrote about the customer with this id or email.

    Raises Usage for an empty text, one with a card number, or what is neither id nor email. Refused for somebody who
    was merged or erased.
    """
    customers.require_name(who)
    kept = accept(text, "the note", longest=LONGEST, lines=True)
    if not kept:
        raise Usage("a note needs a text", fix='csctl customer note CUS "Called about the delivery."')

    def add(session: Session, subject: _Subject) -> Result:
        customer = customers.live(session, customers.find(session, subject.given).id)
        _add(session, app, HistoryKind.NOTE, customer.id, kept)
        audit.write(session, app, "created", target=ids.show("cus", customer.id), changed=["note"])
        return Result(subject.given, "created", f"noted for {ids.show('cus', customer.id)}")

    return bulk.each(app, [_Subject(who)], add, dry_run=dry_run)


def of_customer(app: App, who: str, limit: int | None) -> Page:
    """What happened to a customer, newest first. Raises NotFound, or Conflict for an email of several customers."""
    with app.read() as session:
        customer = customers.find(session, who)
    statement = select(HistoryEntry).where(HistoryEntry.customer_id == customer.id)
    return listing.newest_first(app, statement, HistoryEntry.at, HistoryEntry.id, rows, limit)


def rows(session: Session, entries: list[HistoryEntry]) -> list[dict[str, Any]]:
    names = operator_names.names(session)
    return [row(entry, names) for entry in entries]


def row(entry: HistoryEntry, operator_names: dict[int, str]) -> dict[str, Any]:
    return {
        "at": entry.at,
        "kind": entry.kind.value,
        "text": entry.text,
        "operator": operator_names.get(entry.operator_id) if entry.operator_id else None,
        "order_id": ids.show_or_none("ord", entry.order_id),
        "transaction_id": ids.show_or_none("txn", entry.transaction_id),
        "customer_id": ids.show("cus", entry.customer_id),
    }


def _add(
    session: Session, app: App, kind: HistoryKind, customer_id: int, text: str, **about: int | None
) -> HistoryEntry:
    entry = HistoryEntry(
        customer_id=customer_id,
        at=app.clock.now(),
        kind=kind,
        text=text,
        operator_id=app.operator.id if app.operator else None,
        **about,
    )
    session.add(entry)
    return entry
