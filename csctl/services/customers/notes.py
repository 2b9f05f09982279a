"""Notes that operators write about customers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.orm import Session

from csctl.domain import ids
from csctl.domain.ids import Ref
from csctl.domain.outcomes import Outcome
from csctl.domain.states import HistoryKind, Role
from csctl.domain.text import LONGEST, accept
from csctl.errors import Conflict, NotFound, NotPermitted, Usage
from csctl.models import HistoryEntry
from csctl.results import Result
from csctl.services.customers import lookup
from csctl.services.shared import audit, bulk, history

if TYPE_CHECKING:
    from csctl.app import App


def edit(app: App, ref: Ref, text: str, *, dry_run: bool = False) -> Iterator[Result]:
    """Replace the text of a note. Agents may edit their own notes, administrators all.

    The old text stays in the database, where erasing the customer removes it. Raises Usage for an empty text.
    """
    kept = accept(text, "the note", longest=LONGEST, lines=True)
    if not kept:
        raise Usage("a note needs a text", fix=f'csctl customer edit-note {ref.given} "The new text."')

    def change(session: Session, ref: Ref) -> Result:
        entry = session.get(HistoryEntry, ref.id)
        if entry is None:
            raise NotFound(f"there is no history entry {ref.given}", fix="csctl customer history CUS")
        lookup.live(session, entry.customer_id)  # locked: two edits of one note wait for each other
        _refuse_unless_editable(session, app, entry)
        if entry.text == kept:
            return Result(ref.given, Outcome.SKIPPED, "no change")
        edited = HistoryEntry(
            customer_id=entry.customer_id,
            at=entry.at,
            kind=entry.kind,
            text=kept,
            operator_id=app.actor.id,
            order_id=entry.order_id,
            transaction_id=entry.transaction_id,
            replaces_id=entry.id,
            edited_at=app.clock.now(),
        )
        session.add(edited)
        session.flush()
        name = ids.show("his", edited.id)
        audit.write(
            session, app, Outcome.UPDATED, target=ids.show("cus", entry.customer_id), changed=["note"], note=name
        )
        return Result(ref.given, Outcome.UPDATED, "note edited" if dry_run else f"note edited: it is {name} now")

    return bulk.each(app, [ref], change, dry_run=dry_run)


def _refuse_unless_editable(session: Session, app: App, entry: HistoryEntry) -> None:
    name = ids.show("his", entry.id)
    if entry.kind is not HistoryKind.NOTE:
        raise Conflict(f"{name} is not a note", cause=f"it is an entry of the kind {entry.kind.value}")
    newer = session.scalar(select(HistoryEntry.id).where(HistoryEntry.replaces_id == entry.id))
    if newer is not None:
        newer_name = ids.show("his", newer)
        raise Conflict(f"{name} was edited before", cause=f"it is {newer_name} now", fix="edit that one")
    if app.actor.role is not Role.ADMIN and entry.operator_id != app.actor.id:
        raise NotPermitted(
            f"{name} is a note of another operator", cause="agents edit their own notes", fix="ask an administrator"
        )


def note(app: App, who: str, text: str, *, dry_run: bool = False) -> Iterator[Result]:
    """Add a note to the customer with this id or email.

    Raises Usage for an empty text, one with a card number, or a `who` that is neither id nor email. Refused for a
    customer who was merged or erased.
    """
    lookup.require_name(who)
    kept = accept(text, "the note", longest=LONGEST, lines=True)
    if not kept:
        raise Usage("a note needs a text", fix='csctl customer note CUS "Called about the delivery."')

    def add(session: Session, subject: bulk.Word) -> Result:
        customer = lookup.live(session, lookup.find(session, subject.given).id)
        name = ids.show("cus", customer.id)
        history.event(session, app, customer.id, kept, kind=HistoryKind.NOTE)
        audit.write(session, app, Outcome.CREATED, target=name, changed=["note"])
        return Result(subject.given, Outcome.CREATED, f"note added to {name}")

    return bulk.each(app, [bulk.Word(who)], add, dry_run=dry_run)
