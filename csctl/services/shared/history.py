"""Add entries to a customer's history, in the transaction of the change that they describe."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from csctl.domain.states import HistoryKind
from csctl.models import HistoryEntry
from csctl.services.shared import added

if TYPE_CHECKING:
    from csctl.app import App


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
    """Record what csctl did.

    `text` is csctl's own sentence. The operator's `reason` for the change is kept apart from it: it is free text, and
    erasing the customer removes it.
    """
    added.put(
        session,
        HistoryEntry,
        customer_id=customer_id,
        at=app.clock.now(),
        kind=kind,
        text=text,
        reason=reason,
        operator_id=app.operator.id if app.operator else None,
        order_id=order_id,
        transaction_id=transaction_id,
    )
