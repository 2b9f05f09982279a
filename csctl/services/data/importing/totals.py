"""The refunds of some sales, and what a row means of them.

Of rows that say how much of a sale was refunded so far, what the books do not have is one more refund. What another
source calls by another name is recognized.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from csctl.domain import ids
from csctl.domain.money import Money
from csctl.domain.states import OPEN_ITEMS, Kind, Outside, State
from csctl.errors import Conflict
from csctl.models import QueueItem, Transaction
from csctl.services.data.importing.transaction_fields import Details, Facts
from csctl.services.shared.chunks import among
from csctl.services.shared.exported_ids import is_exported

_BY_THE_GATEWAY = (None, Outside.GATEWAY)  # cheques and chargebacks are not in its total
_SUMMED = re.compile(r"(refund|chargeback)(/[0-9]+)?")  # how keys end in files that do not know each refund


class Totals:
    """The refunds of some sales, those that csctl made itself too, and which of the sales have one in the queue."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._refunds: dict[int, list[Transaction]] = {}
        self._queued: dict[int, int] = {}

    def load(self, sales: Iterable[int]) -> None:
        """Read the refunds of these sales, which are locked."""
        refunds = select(Transaction).where(
            among(self._session, Transaction.parent_id, set(sales)), Transaction.kind == Kind.REFUND
        )
        for refund in self._session.scalars(refunds.order_by(Transaction.id)):
            self.add(refund)

    def load_queued(self, sales: Iterable[int]) -> None:
        wanted = set(sales)
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

    def known(self, sale: Transaction, key: str, facts: Facts, details: Details) -> Transaction | None:
        """The refund on the books that a row means by another name: one of the two is only a sum, or was learned from
        the gateway. Raises Conflict where that cannot be said.
        """
        reference = details.gateway_ref or facts.outside_reference
        others = [] if is_exported(key) else self._of_other_names(sale, key, facts.outside)
        nameless = [one for one in others if one.gateway_ref is None]
        for one in others:
            if reference and reference in (one.gateway_ref, one.outside_reference):
                return one
        if same := next((one for one in nameless if one.amount == facts.amount), None):
            return same
        if not nameless:
            return None
        name, money = ids.show("txn", nameless[0].id), Money(nameless[0].amount, sale.currency)
        raise Conflict(
            f"amount: {money} of the sale is on the books as {name}, which may contain it",
            cause="one of the two is the sum that was refunded, the other a refund by itself",
            fix="import the refunds of this sale only from where the first came"
            if nameless[0].external_id
            else f"csctl txn sync {ids.show('txn', sale.id)}, then import it again",
        )

    def _of_other_names(self, sale: Transaction, key: str, outside: Outside | None) -> list[Transaction]:
        """Refunds that may be the one with a key, as the one or the other has no name of its own."""
        alike = _BY_THE_GATEWAY if outside in _BY_THE_GATEWAY else (outside,) if outside is Outside.CHARGEBACK else ()
        return [
            one
            for one in self._refunds.get(sale.id, ())
            if one.state is State.APPROVED
            and one.outside in alike
            and (_is_sum(key, sale) or (one.outside if one.external_id is None else _is_sum(one.external_id, sale)))
        ]

    def name(self, sale: Transaction, key: str) -> str:
        """The external id of the next refund under a key: the key itself, then `key/2`, `key/3`…"""
        taken = {one.external_id for one in self._refunds.get(sale.id, ())}
        names = (key, *(f"{key}/{number}" for number in range(2, len(taken) + 3)))
        return next(name for name in names if name not in taken)


def _is_sum(key: str, sale: Transaction) -> bool:
    """Whether a key is the one that a file gives to what was refunded of a sale so far."""
    stem = f"{(sale.external_id or '').removesuffix('/sale')}/"
    return key.startswith(stem) and _SUMMED.fullmatch(key.removeprefix(stem)) is not None
