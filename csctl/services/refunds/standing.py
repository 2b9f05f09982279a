"""Where the money of a sale is, in words that name the transactions and queue items which have it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from csctl.domain import ids
from csctl.domain.money import Money
from csctl.domain.refund_plan import NothingLeft
from csctl.domain.states import OPEN_ITEMS, RETURNS, ItemState, Kind, State
from csctl.models import QueueItem, Transaction
from csctl.services.shared import duplicates

_SHOWN = 5  # names in one message


def of(session: Session, sale: Transaction) -> str:
    """Why no more of a sale can be returned."""
    if sale.duplicate_at:
        return duplicates.words(session, sale)
    if sale.disputed_at:
        return "it is disputed"
    returns = list(
        session.scalars(
            select(Transaction)
            .where(Transaction.parent_id == sale.id, Transaction.kind.in_(RETURNS))
            .order_by(Transaction.id)
        )
    )
    if sale.voided_at:
        voids = [one for one in returns if one.kind is Kind.VOID and one.state is State.APPROVED]
        return f"it is voided: {ids.show('txn', voids[-1].id)}" if voids else "it is voided at the gateway"
    items = list(session.scalars(select(QueueItem).where(QueueItem.sale_id == sale.id).order_by(QueueItem.id)))
    returned = [ids.show("txn", one.id) for one in returns if one.kind is Kind.REFUND and one.state is State.APPROVED]
    returned += [ids.show("rfq", one.id) for one in items if one.state is ItemState.RESOLVED and one.reference]
    held = [ids.show("txn", one.id) for one in returns if not one.state.closed and one.queue_item_id is None]
    held += [ids.show("rfq", one.id) for one in items if one.state in OPEN_ITEMS]
    return (
        f"{Money(sale.refunded, sale.currency)} is refunded{_named(returned)},"
        f" {Money(sale.reserved, sale.currency)} is under way or queued{_named(held)}"
    )


def explained(session: Session, sales: Sequence[Transaction], refusal: NothingLeft) -> NothingLeft:
    """The refusal of an order with these sales, with where the money of each chosen one is."""
    meant = [sale for sale in sales if sale.id in refusal.sale_ids or sale.duplicate_at]
    why = "; ".join(f"{ids.show('txn', sale.id)}: {of(session, sale)}" for sale in meant)
    if why:
        return NothingLeft(refusal.sale_ids, cause=why)
    held = holds(sales)
    words = ["no sale was approved", *(f"{name} holds {money} on the card" for name, money in held.items())]
    return NothingLeft(refusal.sale_ids, "; ".join(words), f"csctl txn void {' '.join(held)}" if held else None)


def holds(charges: Sequence[Transaction]) -> dict[str, Money]:
    """The authorizations that were neither captured nor voided: what each still holds on the customer's card."""
    captured = {one.parent_id for one in charges if one.is_sale}
    return {
        ids.show("txn", one.id): Money(one.amount, one.currency)
        for one in charges
        if one.kind is Kind.AUTHORIZE and one.state is State.APPROVED and not one.voided_at and one.id not in captured
    }


def _named(names: Iterable[str]) -> str:
    known = list(names)
    more = ", …" if len(known) > _SHOWN else ""
    return f" ({', '.join(known[:_SHOWN])}{more})" if known else ""
