"""Notes that operators write about customers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from csctl.domain import ids
from csctl.domain.outcomes import Outcome
from csctl.domain.states import HistoryKind
from csctl.domain.text import LONGEST, accept
from csctl.errors import Usage
from csctl.results import Result
from csctl.services.customers import lookup
from csctl.services.shared import audit, bulk, history

if TYPE_CHECKING:
    from csctl.app import App


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
