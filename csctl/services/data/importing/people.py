"""The customers that rows of other kinds belong to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from csctl.domain.text import fold
from csctl.errors import Conflict, Usage
from csctl.models import Customer
from csctl.services.data.importing import context, references
from csctl.services.data.importing.cells import Cells
from csctl.services.data.importing.references import KnownCustomer


@dataclass(frozen=True)
class Customers:
    """The customers that rows name: by external id, and by email."""

    by_name: Mapping[str, KnownCustomer]
    by_email: Mapping[str, Sequence[KnownCustomer]]

    def of(self, row: Cells, owner: KnownCustomer | None = None) -> KnownCustomer | None:
        """The customer that a row names. Raises Usage if there is none, or if an email is that of several.

        `owner` is the customer of the record that the row is about, if it is here: the record stays theirs where
        their email has changed, or others have the same.
        """
        text = row.text("customer")
        if text is not None and row.by("customer") == "email":
            if owner and not self.by_email.get(text):
                return owner
            own = owner.id if owner else None
            return references.only(self.by_email, text, "customer", "customer", "email", own=own)
        return context.referred(self.by_name, row, "customer", "customer", "customers")


def named(session: Session, rows: Sequence[Cells], known: context.Context) -> Customers:
    """The customers that rows name; for one who was merged into another, that other."""
    if rows and rows[0].by("customer") == "email":
        return Customers({}, with_emails(session, [row.text("customer") for row in rows]))
    return Customers(_by_external_id(session, rows, known), {})


def with_emails(session: Session, emails: Iterable[str | None]) -> dict[str, list[KnownCustomer]]:
    """The customers who have these emails, in any case; for one who was merged into another, that other."""
    found = references.by_other_key(session, KnownCustomer, Customer.folded_email, emails, fold)
    kept = by_id(session, [customer.merged_into_id for customers in found.values() for customer in customers])
    owners = {
        email: [kept.get(one.merged_into_id or 0, one) for one in customers] for email, customers in found.items()
    }
    return {email: list({owner.id: owner for owner in customers}.values()) for email, customers in owners.items()}


def _by_external_id(session: Session, rows: Iterable[Cells], known: context.Context) -> dict[str, KnownCustomer]:
    found = references.named(session, KnownCustomer, [row.text("customer") for row in rows], known.mark)
    kept = by_id(session, [customer.merged_into_id for customer in found.values()])
    return {name: kept.get(customer.merged_into_id or 0, customer) for name, customer in found.items()}


def by_id(session: Session, numbers: Iterable[int | None]) -> dict[int, KnownCustomer]:
    return references.numbered(session, KnownCustomer, numbers)


def present(customer: KnownCustomer | None) -> KnownCustomer:
    """The customer of a new record. Raises Conflict for one who was erased: nothing about them comes back."""
    if customer is None:
        raise Usage("customer is missing")
    if customer.erased_at:
        raise Conflict("customer: they were erased", cause=f"on {customer.erased_at:%Y-%m-%d}, for good")
    return customer
