"""Queued refunds from files: what another system still owes, and what it has closed."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from csctl.domain.booking import Effect
from csctl.domain.record_kinds import KINDS
from csctl.domain.states import REFUSED_STATES, ItemState, Kind, State
from csctl.errors import Conflict, Usage
from csctl.models import Order, QueueItem, Transaction
from csctl.services.data.importing import parents
from csctl.services.data.importing.cells import Cells
from csctl.services.data.importing.context import Context, RowOutcome, find, given, merge, referred

_KIND = KINDS["queue"]


class Queue:
    def __init__(self, session: Session, context: Context) -> None:
        self._session, self._context = session, context
        self._found: dict[str, QueueItem] = {}
        self._sales: dict[str, Transaction] = {}
        self._customers: dict[int, int] = {}
        self._failed: dict[int, list[Transaction]] = {}

    def prepare(self, rows: list[Cells]) -> list[Cells]:
        mark = self._context.mark
        self._sales = find(
            self._session, Transaction, "txn", [row.text("transaction") for row in rows], mark, lock=True
        )
        self._found = find(self._session, QueueItem, "rfq", [row.text("external_id") for row in rows], mark, lock=True)
        orders = {sale.order_id for sale in self._sales.values()}
        owners = select(Order.id, Order.customer_id).where(Order.id.in_(orders))
        self._customers = {row.id: row.customer_id for row in self._session.execute(owners)}
        self._failed = self._without_item({sale.id for sale in self._sales.values()})
        return rows

    def _without_item(self, sales: set[int]) -> dict[int, list[Transaction]]:
        """The failed refunds of sales with which no item began, by sale."""
        begun = select(QueueItem.origin_id).where(QueueItem.sale_id.in_(sales))
        failed = (
            select(Transaction)
            .where(
                Transaction.parent_id.in_(sales),
                Transaction.kind == Kind.REFUND,
                Transaction.state.in_(REFUSED_STATES),
                Transaction.id.not_in(begun),
            )
            .order_by(Transaction.id)
        )
        found: dict[int, list[Transaction]] = {}
        for refund in self._session.scalars(failed):
            found.setdefault(refund.parent_id or 0, []).append(refund)
        return found

    def put(self, row: Cells) -> RowOutcome:
        key = row.text("external_id") or ""
        sale = referred(self._sales, row, "transaction", "transaction", "transactions")
        if existing := self._found.get(key):
            return self._change(existing, row, sale)
        row.need(_KIND)
        if sale is None or not sale.is_sale:
            raise Usage("transaction: it is not an approved sale")
        amount = self._amount(row, sale)
        state = row.word("state", ItemState) or ItemState.QUEUED
        if state is ItemState.IN_PROGRESS:
            raise Usage("state: what is in progress has no outcome yet", fix="queued, or wait until it has one")
        reference = row.text("reference")
        if state is ItemState.RESOLVED and not reference:
            raise Usage("reference is missing", cause="what is resolved was paid back elsewhere, under a reference")
        parents.book(sale, amount, Effect(), _effect(state, amount), at=self._context.now)
        self._add(key, row, sale, amount, state, reference)
        return RowOutcome.CREATED

    def record(self, key: str) -> Any | None:
        return self._found.get(key)

    def finish(self) -> None:
        """Nothing follows."""

    def _amount(self, row: Cells, sale: Transaction) -> int:
        currency = row.currency()
        if currency != sale.currency:
            raise Usage(f"currency: the sale is in {sale.currency}, and this is in {currency}")
        amount = row.amount("amount", sale.currency)
        if not amount:
            raise Usage("amount: a refund of nothing makes no sense")
        return amount

    def _add(
        self, key: str, row: Cells, sale: Transaction, amount: int, state: ItemState, reference: str | None
    ) -> None:
        made = row.time("created_at") or self._context.now
        reason, today = row.text("reason"), self._context.now.astimezone(self._context.zone).date()
        origin = self._origin(sale, amount, made)
        self._found[key] = QueueItem(
            external_id=key,
            sale_id=sale.id,
            origin=origin,
            order_id=sale.order_id,
            customer_id=self._customers[sale.order_id],
            amount=amount,
            currency=sale.currency,
            state=state,
            attempts=row.whole("attempts", 0, 100) or 0,
            next_attempt_on=(row.day("next_attempt_on") or today) if state is ItemState.QUEUED else None,
            last_reason=reason,
            created_at=made,
            closed_at=None if state.open else row.time("closed_at") or self._context.now,
            close_reason=reason if state is ItemState.REMOVED else None,
            reference=reference,
        )
        self._session.add(self._found[key])

    def _origin(self, sale: Transaction, amount: int, at: Any) -> Transaction:
        """The refund that failed first: one that is here, else one that stands for it."""
        waiting = self._failed.get(sale.id, [])
        for refund in waiting:
            if refund.amount == amount:
                waiting.remove(refund)
                return refund
        return Transaction(
            order_id=sale.order_id,
            purchase_id=sale.purchase_id,
            parent_id=sale.id,
            kind=Kind.REFUND,
            state=State.FAILED,
            amount=amount,
            currency=sale.currency,
            gateway=sale.gateway,
            created_at=at,
            sent_at=at,
            finished_at=at,
        )

    def _change(self, item: QueueItem, row: Cells, sale: Transaction | None) -> RowOutcome:
        """What an item is, and how it ended, csctl decides itself once it is here."""
        state = row.word("state", ItemState)
        amount = row.amount("amount", item.currency)
        fixed = given(sale_id=sale.id if sale else None, amount=amount, state=state)
        if any(getattr(item, name) != value for name, value in fixed.items()) and self._context.update:
            raise Conflict("state: it cannot be changed by an import", fix="csctl queue resolve, remove or requeue")
        values = given(
            next_attempt_on=row.day("next_attempt_on") if item.state is ItemState.QUEUED else None,
            last_reason=row.text("reason"),
        )
        return merge(item, values, self._context, fixed=fixed)


def _effect(state: ItemState, amount: int) -> Effect:
    """The effect of an item on the sums of its sale. A succeeded one has none: its refund has."""
    if state is ItemState.QUEUED:
        return Effect(reserved=amount)
    return Effect(refunded=amount) if state is ItemState.RESOLVED else Effect()
