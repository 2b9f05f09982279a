"""Orders from files."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from csctl.domain.addresses import Address
from csctl.domain.record_kinds import KINDS
from csctl.domain.states import OrderStatus
from csctl.models import Order
from csctl.services.data.importing import people, references
from csctl.services.data.importing.cells import Cells
from csctl.services.data.importing.context import Columns, Context, RowOutcome, find, given, merge
from csctl.services.data.importing.customers import address
from csctl.services.data.importing.drafts import Drafts
from csctl.services.data.importing.references import KnownCustomer, KnownOrder

_KIND = KINDS["orders"]


class Orders:
    def __init__(self, session: Session, context: Context) -> None:
        self._session, self._context = session, context
        self._found: dict[str, Order] = {}
        self._new = Drafts(session, Order)
        self._customers = people.Customers({}, {})
        self._owners: dict[int, KnownCustomer] = {}
        self._charged: dict[str, KnownOrder] = {}

    def prepare(self, rows: list[Cells]) -> list[Cells]:
        names = [row.text("external_id") for row in rows]
        self._customers = people.named(self._session, rows, self._context)
        self._found = find(self._session, Order, "ord", names, self._context.mark, lock=True)
        if rows and rows[0].known_by == "charge":
            mark = self._context.mark
            self._charged = references.orders(self._session, rows, "external_id", mark, by_charge=True)
        self._owners = people.by_id(self._session, [order.customer_id for order in self._found.values()])
        return rows

    def put(self, row: Cells) -> RowOutcome:
        key = row.text("external_id") or ""
        existing, currency = self._found.get(key), row.currency()
        if existing is None and key in self._charged:
            return RowOutcome.UNCHANGED
        owner = self._owners.get(existing.customer_id) if existing else None
        customer = self._customers.of(row, owner)
        if existing:
            return self._change(existing, row, customer, currency)
        row.need(_KIND)
        customer = people.present(customer)
        shipping = address(row, "shipping", self._context) or customer.shipping or customer.billing or Address()
        values = {"status": OrderStatus.COMPLETE, "placed_at": self._context.now, **_values(row)}
        self._owners[customer.id] = customer
        self._found[key] = self._new.add(
            external_id=key,
            customer_id=customer.id,
            currency=currency,
            billing=customer.billing or Address(),
            shipping=shipping,
            **values,
        )
        return RowOutcome.CREATED

    def record(self, key: str) -> Any | None:
        return self._found.get(key)

    def finish(self) -> None:
        """Totals come with purchases and transactions."""
        self._new.store()

    def _change(self, order: Order, row: Cells, customer: KnownCustomer | None, currency: str | None) -> RowOutcome:
        owner = self._owners.get(order.customer_id)
        if owner and owner.erased_at:
            return RowOutcome.UNCHANGED
        shipping = address(row, "shipping", self._context, order.shipping)
        fixed = given(customer_id=customer.id if customer else None, currency=currency)
        return merge(order, {**_values(row), "shipping": shipping}, self._context, fixed=fixed)


def _values(row: Cells) -> Columns:
    return given(status=row.word("status", OrderStatus), placed_at=row.time("placed_at"))
