"""Rows that are written together: each gets what was meant for it, on both databases."""

from __future__ import annotations

from typing import cast

import pytest
from sqlalchemy import Table, select

from csctl import sets
from csctl.models import Fulfillment, Order, Purchase
from tests.factories import make_order, make_purchase, number
from tests.shops import Shop

pytestmark = pytest.mark.both_databases
FULFILLMENTS, PURCHASES = cast(Table, Fulfillment.__table__), cast(Table, Purchase.__table__)


def test_the_numbers_of_new_rows_are_in_the_order_of_the_rows(shop: Shop) -> None:
    order = number(make_order(shop))
    with shop.session() as session:
        at = session.scalars(select(Order.placed_at)).one()
        rows = [{"order_id": order, "status": "pending", "created_at": at, "tracking": f"é {n}"} for n in range(20)]
        ids = sets.insert_numbered(session.connection(), FULFILLMENTS, [*rows[:19], {**rows[19], "carrier": "DHL"}])
        found = session.execute(select(Fulfillment.id, Fulfillment.tracking, Fulfillment.carrier)).all()

    assert ids == sorted(ids)
    assert {row.id: row.tracking for row in found} == {one: f"é {n}" for n, one in enumerate(ids)}
    assert [row.carrier for row in found if row.carrier] == ["DHL"]


def test_a_row_with_another_version_is_not_changed_and_not_counted(shop: Shop) -> None:
    ids = [number(make_purchase(shop)) for _ in range(2)]
    with shop.session() as session:
        versions = {one.id: one.version for one in session.scalars(select(Purchase))}
        rows = [{"id": one, "version": versions[one] + n, "billing_day": 10 + one} for n, one in enumerate(ids)]
        changed = sets.update(session.connection(), PURCHASES, rows, by=("id", "version"))
        found = session.execute(select(Purchase.id, Purchase.version, Purchase.billing_day)).all()

    assert changed == 1
    assert {row.id: row.version - versions[row.id] for row in found} == {ids[0]: 1, ids[1]: 0}
    assert [row.billing_day for row in found if row.id == ids[0]] == [10 + ids[0]]
