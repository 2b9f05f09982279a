"""Rows that say how much of a sale was refunded so far: what the books do not have of it is one more refund."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from csctl.domain import ids
from csctl.domain.money import Money
from csctl.domain.states import OPEN_ITEMS, Kind, Outside, State
from csctl.errors import Conflict
from csctl.models import QueueItem, Transaction

_BY_THE_GATEWAY = (None, Outside.GATEWAY)  # cheques and chargebacks are not in its total


class Totals:
    """The refunds of some sales, those that csctl made itself too, and which of the sales have one in the queue."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._refunds: dict[int, list[Transaction]] = {}
        self._queued: dict[int, int] = {}

    def load(self, sales: Iterable[int]) -> None:
        """Read the refunds of these sales, which are locked."""
        wanted = set(sales)
        refunds = select(Transaction).where(Transaction.parent_id.in_(wanted), Transaction.kind == Kind.REFUND)
        for refund in self._session.scalars(refunds):
            self.add(refund)
        items = select(QueueItem.sale_id, QueueItem.id).where(QueueItem.sale_id.in_(wanted))
        waiting = self._session.execute(items.where(QueueItem.state.in_(OPEN_ITEMS)))
        self._queued |= {row.sale_id: row.id for row in waiting}

    def add(self, record: Transaction) -> None:
        """Take note of a refund, also one that this batch makes."""
        if record.kind is Kind.REFUND and record.parent_id:
            self._refunds.setdefault(record.parent_id, []).append(record)

    def missing(self, sale: Transaction, total: int) -> int:
        """What the gateway returned and the books do not have, in minor units. Raises Conflict where a refund of csctl
        may still turn out to be the difference.
        """
        refunds = [one for one in self._refunds.get(sale.id, ()) if one.outside in _BY_THE_GATEWAY]
        difference = total - sum(one.amount for one in refunds if one.state is State.APPROVED)
        under_way = [one for one in refunds if not one.state.closed]
        if difference <= 0 or difference == sum(one.amount for one in under_way):
            return 0
        if under_way or sale.id in self._queued:
            raise Conflict(
                f"amount: {Money(difference, sale.currency)} more was refunded than is on the books",
                cause="a refund of the sale is pending or in the queue, and may be the difference",
                fix=f"csctl txn reconcile {ids.show('txn', under_way[0].id)}, then import the file again"
                if under_way
                else f"csctl txn sync {ids.show('txn', sale.id)}; if the refund was made elsewhere:"
                f" csctl queue remove {ids.show('rfq', self._queued[sale.id])}, then import the file again",
            )
        return difference

    def name(self, sale: Transaction, key: str) -> str:
        """The external id of the next refund under a key: the key itself, then `key/2`, `key/3`…"""
        taken = {one.external_id for one in self._refunds.get(sale.id, ())}
        names = (key, *(f"{key}/{number}" for number in range(2, len(taken) + 3)))
        return next(name for name in names if name not in taken)
