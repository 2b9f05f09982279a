"""Rows of shipments in lists and in `fulfillment show`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from csctl.domain import ids
from csctl.domain.states import FulfillmentStatus
from csctl.models import Fulfillment, Order
from csctl.results import Limit, Page, Row
from csctl.services.shared import field_values, filters, listing
from csctl.services.views import customers

if TYPE_CHECKING:
    from csctl.app import App


def newest(
    app: App,
    limit: Limit = None,
    *,
    status: Sequence[str] = (),
    order: Sequence[int] = (),
    customer: Sequence[int] = (),
) -> Page:
    """Shipments, newest first: any of several values of one field, and all of several fields."""
    query = select(Fulfillment).options(joinedload(Fulfillment.order).joinedload(Order.customer))
    query = query.where(
        *filters.any_of(Fulfillment.status, [FulfillmentStatus(one) for one in status]),
        *filters.any_of(Fulfillment.order_id, order),
    )
    if customer:
        query = query.where(Fulfillment.order_id.in_(select(Order.id).where(Order.customer_id.in_(customer))))
    return listing.newest_first(app, query, Fulfillment.created_at, Fulfillment.id, rows, limit)


def rows(_session: Session, fulfillments: list[Fulfillment]) -> list[Row]:
    return [row(fulfillment) for fulfillment in fulfillments]


def show(app: App, number: int) -> Row:
    """One shipment, with those that repeat it. Raises NotFound."""
    with app.read() as session:
        fulfillment = listing.existing(session, Fulfillment, "ful", number)
        again = session.scalars(
            select(Fulfillment.id).where(Fulfillment.reship_of_id == number).order_by(Fulfillment.id)
        )
        return {**row(fulfillment), "reshipped_as": [ids.show("ful", one) for one in again]}


def row(fulfillment: Fulfillment) -> Row:
    return {
        **field_values.listed(fulfillment),
        "customer_id": ids.show("cus", fulfillment.order.customer_id),
        **customers.named(fulfillment.order.customer),
    }
