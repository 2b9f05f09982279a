"""Find the customer whom an id, an email or an external id names."""

from __future__ import annotations

from sqlalchemy.orm import Session

from csctl.domain import ids
from csctl.errors import Conflict
from csctl.models import Customer
from csctl.services.shared import bulk, listing, naming


def find(session: Session, who: str) -> Customer:
    """The customer with this id, email or external id. Raises NotFound, or Conflict if several have it."""
    ref = naming.resolve(session, "cus", [ids.parse_or_name("cus", who)])[0]
    return listing.existing(session, Customer, "cus", ref.id)


def live(session: Session, number: int) -> Customer:
    """A customer who can be changed, locked. Raises NotFound, or Conflict for one who was merged or erased."""
    customer = bulk.locked(session, Customer, "cus", number)
    require_live(customer)
    return customer


def require_live(customer: Customer) -> None:
    """Raises Conflict for a customer who was merged into another one, or erased."""
    name = ids.show("cus", customer.id)
    if customer.erased_at:
        raise Conflict(f"{name} was erased", cause=f"on {customer.erased_at:%Y-%m-%d}, for good")
    if customer.merged_into_id:
        into = ids.show("cus", customer.merged_into_id)
        raise Conflict(f"{name} was merged into {into}", fix=f"name {into} instead")


def require_name(who: str) -> None:
    """Raises Usage for a word that cannot name a customer."""
    ids.parse_or_name("cus", who)
