"""The database finds what a batch of an import names by an index."""

from __future__ import annotations

from typing import Any

from sqlalchemy import event

from csctl import database
from csctl.clock import parse_time
from csctl.domain.states import OrderStatus
from csctl.services.data.importing import order_totals
from csctl.services.data.importing.references import KnownOrder
from tests.data.files import CUSTOMER, ORDER, SALE, bring_all
from tests.selection import on_sqlite
from tests.shops import Shop


@on_sqlite
def test_totals_of_orders_are_made_from_their_own_sales_alone(shop: Shop) -> None:
    bring_all(shop, "customers", CUSTOMER)
    bring_all(shop, "orders", *({**ORDER, "external_id": f"o{number}"} for number in range(50)))
    bring_all(shop, "transactions", *({**SALE, "external_id": f"t{n}", "order": f"o{n}"} for n in range(50)))
    engine = database.connect(shop.database_url)
    plans: list[str] = []

    @event.listens_for(engine, "after_cursor_execute")
    def explain(connection: Any, _cursor: Any, sql: str, values: Any, _context: Any, _many: bool) -> None:
        if sql.startswith("SELECT"):
            plans.extend(row.detail for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values))

    orders = {n: KnownOrder(n, f"o{n}", 1, "USD", OrderStatus.COMPLETE, parse_time("2026-01-31")) for n in range(1, 20)}
    with database.writing(engine, dry_run=True) as session:
        order_totals.renew(session, orders)

    engine.dispose()
    assert len(plans) >= 2
    assert not [step for step in plans if step.startswith("SCAN") or "ix_transactions_state" in step], plans
