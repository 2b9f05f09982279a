"""Fulfillments from files: shipments of orders."""

from __future__ import annotations

from sqlalchemy.orm import Session

from csctl.domain.record_kinds import KINDS
from csctl.domain.states import FulfillmentStatus
from csctl.models import Fulfillment, Order
from csctl.services.data.importing.cells import Cells
from csctl.services.data.importing.context import Context, RowOutcome, find, given, merge, referred

_KIND = KINDS["fulfillments"]


class Fulfillments:
    def __init__(self, session: Session, context: Context) -> None:
        self._session, self._context = session, context
        self._found: dict[str, Fulfillment] = {}
        self._orders: dict[str, Order] = {}

    def prepare(self, rows: list[Cells]) -> list[Cells]:
        mark = self._context.mark
        self._orders = find(self._session, Order, "ord", [row.text("order") for row in rows], mark)
        self._found = find(self._session, Fulfillment, "ful", [r.text("external_id") for r in rows], mark, lock=True)
        return rows

    def put(self, row: Cells) -> RowOutcome:
        key = row.text("external_id") or ""
        order = referred(self._orders, row, "order", "order", "orders")
        values = given(
            status=row.word("status", FulfillmentStatus),
            carrier=row.text("carrier"),
            tracking=row.text("tracking"),
            shipped_at=row.time("shipped_at"),
        )
        if existing := self._found.get(key):
            return merge(existing, values, self._context, fixed={"order_id": order.id} if order else None)
        row.need(_KIND.required, _KIND.noun)
        assert order is not None  # noqa: S101 - it is one of those that a new one needs
        self._found[key] = Fulfillment(
            external_id=key,
            order_id=order.id,
            created_at=values.get("shipped_at") or order.placed_at,
            **{"status": FulfillmentStatus.PENDING, **values},
        )
        self._session.add(self._found[key])
        return RowOutcome.CREATED

    def finish(self) -> None:
        """Nothing follows."""
