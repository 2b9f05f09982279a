"""The scope of a refund of an order: its sales as a plan sees them, and what of a purchase was returned."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import func, select
from sqlalchemy.orm import aliased

from csctl.domain import ids
from csctl.domain.refund_plan import SaleView, Ways
from csctl.domain.states import ItemState, Kind, Settlement, State
from csctl.errors import Conflict
from csctl.models import Purchase, QueueItem, Transaction
from csctl.services.payments.jobs import Turn


def refuse_unanswered(turn: Turn, order_id: int, purchase_id: int | None = None) -> None:
    """Raises Conflict while the outcome of a charge of the order, or of one purchase, is unknown."""
    for sale in turn.sales_of(order_id):
        of_this = purchase_id is None or sale.purchase_id in (None, purchase_id)
        if of_this and sale.key and not sale.state.closed:
            name = ids.show("txn", sale.id)
            raise Conflict(
                f"{ids.show('ord', order_id)} is being charged",
                cause=f"{name} is {sale.state.value}",
                fix=f"csctl txn reconcile {name}",
            )


def returned_of(turn: Turn, purchase: Purchase) -> int:
    """What of a purchase was returned or is reserved, in sales that cover other purchases too. Minor units."""
    sale, origin = aliased(Transaction), aliased(Transaction)
    of_checkout = sale.purchase_id.is_(None) & (sale.order_id == purchase.order_id)
    directly = (
        select(func.coalesce(func.sum(Transaction.amount), 0))
        .join(sale, Transaction.parent_id == sale.id)
        .where(
            of_checkout,
            Transaction.purchase_id == purchase.id,
            Transaction.kind == Kind.REFUND,
            Transaction.queue_item_id.is_(None),
            Transaction.state.in_([state for state in State if not state.refused]),
        )
    )
    queued = (
        select(func.coalesce(func.sum(QueueItem.amount), 0))
        .join(origin, QueueItem.origin_id == origin.id)
        .join(sale, QueueItem.sale_id == sale.id)
        .where(
            of_checkout,
            origin.purchase_id == purchase.id,
            QueueItem.state.in_([state for state in ItemState if not state.given_up]),
        )
    )
    # PostgreSQL sums to a Decimal, which gateways do not accept as an amount.
    return int(turn.session.scalar(directly) or 0) + int(turn.session.scalar(queued) or 0)


def views(sales: list[Transaction], ways: Callable[[Transaction], Ways] = lambda _: Ways()) -> list[SaleView]:
    """The sales as a plan sees them. One without a cycle of its own is the checkout, or a rebill in order of time."""
    views: list[SaleView] = []
    for sale in sorted(sales, key=lambda sale: (sale.created_at, sale.id)):
        earlier = [view for view in views if sale.purchase_id is None or view.purchase_id in (None, sale.purchase_id)]
        views.append(
            SaleView(
                id=sale.id,
                amount=sale.amount,
                left=sale.refundable,
                settled=sale.settlement is Settlement.SETTLED,
                created_at=sale.created_at,
                purchase_id=sale.purchase_id,
                cycle=sale.cycle or len(earlier) + 1,
                ways=ways(sale),
            )
        )
    return views
