"""The customers that rows of other kinds belong to."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy.orm import Session

from csctl.errors import Conflict, Usage
from csctl.services.data.importing import context, references
from csctl.services.data.importing.cells import Cells
from csctl.services.data.importing.references import KnownCustomer


def named(session: Session, rows: Iterable[Cells], known: context.Context) -> dict[str, KnownCustomer]:
    """The customers that rows name; for one who was merged into another, that other."""
    found = references.named(session, KnownCustomer, [row.text("customer") for row in rows], known.mark)
    kept = by_id(session, [customer.merged_into_id for customer in found.values()])
    return {name: kept.get(customer.merged_into_id or 0, customer) for name, customer in found.items()}


def by_id(session: Session, numbers: Iterable[int | None]) -> dict[int, KnownCustomer]:
    return references.numbered(session, KnownCustomer, numbers)


def referred(customers: dict[str, KnownCustomer], row: Cells) -> KnownCustomer | None:
    """The customer that a row names. Raises Usage if there is none."""
    return context.referred(customers, row, "customer", "customer", "customers")


def present(customer: KnownCustomer | None) -> KnownCustomer:
    """The customer of a new record. Raises Conflict for one who was erased: nothing about them comes back."""
    if customer is None:
        raise Usage("customer is missing")
    if customer.erased_at:
        raise Conflict("customer: they were erased", cause=f"on {customer.erased_at:%Y-%m-%d}, for good")
    return customer
