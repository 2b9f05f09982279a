"""Find the customer whom an id or an email names."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from csctl.domain import ids
from csctl.domain.text import fold
from csctl.errors import Conflict, NotFound
from csctl.models import Customer
from csctl.services.shared import bulk, listing


def find(session: Session, who: str) -> Customer:
    """The customer with this id or email. Raises NotFound, or Conflict where several have the email."""
    if "@" not in who:
        return listing.existing(session, Customer, "cus", ids.parse("cus", who).id)
    same = select(Customer).where(Customer.folded_email == fold(who), Customer.merged_into_id.is_(None))
    found = session.scalars(same.order_by(Customer.id).limit(11)).all()
    if not found:
        raise NotFound(f"there is no customer with the email {who}", fix=f"csctl customer search --email {who}")
    if len(found) > 1:
        named = ", ".join(ids.show("cus", customer.id) for customer in found[:10])
        raise Conflict(
            f"several customers have the email {who}",
            cause=named + (", …" if len(found) > 10 else ""),
            fix="name one of them by its id",
        )
    return found[0]


def live(session: Session, number: int) -> Customer:
    """A customer who can be worked with, locked. Raises NotFound, or Conflict for one who was merged or erased."""
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
    """Raises Usage for what can name no customer."""
    if "@" not in who:
        ids.parse("cus", who)
