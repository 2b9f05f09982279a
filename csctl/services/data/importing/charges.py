"""The charges that refunds, voids and captures belong to, also where a row does not name one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from csctl.domain.states import CHARGES, Kind, State
from csctl.errors import Usage
from csctl.models import Transaction
from csctl.services.data.importing.cells import Cells
from csctl.services.data.importing.context import NotYet

_FORMED = {kind.value: kind for kind in Kind}


class Charges:
    """The approved charges of some orders, and those with some references of the gateway."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._by_order: dict[int, list[Transaction]] = {}
        self._by_reference: dict[str, list[Transaction]] = {}

    def load(self, rows: Sequence[Cells], orders: Iterable[int]) -> list[Transaction]:
        """Look up what the rows may belong to. Returns it, held until the transaction ends."""
        nameless = any("parent" not in row and kind_of(row) not in (None, Kind.SALE, Kind.AUTHORIZE) for row in rows)
        references = {text for row in rows if row.by("parent") and (text := row.text("parent"))}
        numbers = set(orders) if nameless else set()
        if not numbers and not references:
            return []
        wanted = Transaction.order_id.in_(numbers) if numbers else Transaction.gateway_ref.in_(references)
        held = select(Transaction).where(wanted, Transaction.kind.in_(CHARGES)).order_by(Transaction.id)
        found = list(self._session.scalars(held.with_for_update(key_share=True)))
        for charge in found:
            self.add(charge)
        return found

    def add(self, charge: Transaction) -> None:
        """Take note of a charge, also one that this batch makes."""
        if charge.kind.is_charge and charge.state is State.APPROVED:
            self._by_order.setdefault(charge.order_id, []).append(charge)
            if charge.gateway_ref:
                self._by_reference.setdefault(charge.gateway_ref, []).append(charge)

    def with_reference(self, text: str, own: int | None) -> Transaction:
        """The one charge with a reference of the gateway; of several that with the id `own`. Raises Usage."""
        found = self._by_reference.get(text, [])
        found = [charge for charge in found if charge.id == own] or found
        if not found:
            raise NotYet(
                f"parent: no charge has the gateway_ref {text!r}", fix="import it first, or name its external_id"
            )
        if len(found) > 1:
            raise Usage(f"parent: {len(found)} charges have the gateway_ref {text!r}", fix="name its external_id")
        return found[0]

    def only_one(self, order_id: int, kind: Kind) -> Transaction | None:
        """The charge of an order that a row of this kind must mean. Raises Usage where there are none or several.

        A capture may do without.
        """
        charges = [charge for charge in self._by_order.get(order_id, ()) if charge.voided_at is None]
        taking = [charge for charge in charges if charge.kind.takes_money]
        holding = [charge for charge in charges if not charge.kind.takes_money]
        if kind is Kind.CAPTURE:
            return holding[0] if len(holding) == 1 else None
        found = taking if kind is Kind.REFUND or taking else holding
        if not found:
            raise NotYet(f"parent is missing: the order has no approved charge that a {kind.value} could belong to")
        if len(found) > 1:
            raise Usage(
                f"parent is missing: the order has {len(found)} approved charges",
                fix=f"name the external_id of the one that the {kind.value} belongs to",
            )
        return found[0]


def kind_of(row: Cells) -> Kind | None:
    """The kind that a row says, before it is checked."""
    return _FORMED.get((row.text("kind") or "").lower())
