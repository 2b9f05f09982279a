"""Fulfillments from files: shipments of orders."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from csctl.domain.record_kinds import KINDS
from csctl.domain.states import FulfillmentStatus
from csctl.models import Fulfillment
from csctl.services.data.importing import references
from csctl.services.data.importing.cells import Cells
from csctl.services.data.importing.context import Context, RowOutcome, find, given, merge, referred
from csctl.services.data.importing.drafts import Drafts
from csctl.services.data.importing.references import KnownOrder

_KIND = KINDS["fulfillments"]


class Fulfillments:
    def __init__(self, session: Session, context: Context) -> None:
        self._session, self._context = session, context
        self._found: dict[str, Fulfillment] = {}
        self._new = Drafts(session, Fulfillment)
        self._orders: dict[str, KnownOrder] = {}

    def prepare(self, rows: list[Cells]) -> list[Cells]:
        mark = self._context.mark
        self._orders = references.named(self._session, KnownOrder, [row.text("order") for row in rows], mark)
        self._found = find(self._session, Fulfillment, "ful", [r.text("external_id") for r in rows], mark, lock=True)
        return rows

    def put(self, row: Cells) -> RowOutcome:
        key = row.text("external_id") or ""
        order = referred(self._orders, row, "order", "order", "orders")
        status, shipped_at = row.word("status", FulfillmentStatus), row.time("shipped_at")
        values = given(status=status, carrier=row.text("carrier"), tracking=row.text("tracking"), shipped_at=shipped_at)
        if existing := self._found.get(key):
            return merge(existing, values, self._context, fixed={"order_id": order.id} if order else None)
        row.need(_KIND)
        assert order is not None  # noqa: S101 - it is one of those that a new one needs
        self._found[key] = self._new.add(
            external_id=key,
            order_id=order.id,
            created_at=shipped_at or order.placed_at,
            **{"status": FulfillmentStatus.PENDING, **values},
        )
        return RowOutcome.CREATED

    def record(self, key: str) -> Any | None:
        return self._found.get(key)

    def finish(self) -> None:
        self._new.store()
