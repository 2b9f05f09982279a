"""Change the shipping address of an order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.orm import Session

from csctl.domain import fulfillments as shipments
from csctl.domain import ids
from csctl.domain.addresses import Address
from csctl.domain.customer_fields import kept
from csctl.domain.ids import Ref
from csctl.domain.outcomes import Outcome
from csctl.domain.states import NOT_OVER
from csctl.errors import Conflict, Usage
from csctl.models import Fulfillment, Order, Purchase
from csctl.results import Result
from csctl.services.customers import envelopes, lookup
from csctl.services.shared import audit, bulk, history

if TYPE_CHECKING:
    from csctl.app import App


def edit_shipping(app: App, ref: Ref, given: Mapping[str, str], *, dry_run: bool) -> Iterator[Result]:
    """Change the shipping address. A first line replaces all of it, else the given fields are changed.

    Raises Usage without a field. Refused once everything has shipped.
    """
    if not given:
        raise Usage("nothing to change", fix="--shipping-line1 '12 Elm Street' --shipping-city Springfield …")

    def change(session: Session, ref: Ref) -> Result:
        order = bulk.locked(session, Order, "ord", ref.id)
        name = ids.show("ord", order.id)
        lookup.require_live(order.customer)
        _refuse_shipped(session, order)
        before = order.shipping or Address()
        values = {field: kept(f"shipping_{field}", text, None) for field, text in given.items()}
        after = replace(Address() if values.get("line1") else before, **values)
        changed = [f"shipping_{f.name}" for f in fields(Address) if getattr(before, f.name) != getattr(after, f.name)]
        if not changed:
            return Result(ref.given, Outcome.SKIPPED, "no change", extra={"changed": []})
        order.shipping = after
        envelopes.warn(app, name, after)
        words = "changed the shipping address"
        history.event(session, app, order.customer_id, f"{words} of {name}", order.id)
        audit.write(session, app, Outcome.UPDATED, target=name, changed=changed)
        return Result(ref.given, Outcome.UPDATED, f"{words}: {', '.join(changed)}", extra={"changed": changed})

    return bulk.each(app, [ref], change, dry_run=dry_run)


def _refuse_shipped(session: Session, order: Order) -> None:
    """Raises Conflict if nothing will be shipped to the new address."""
    name = ids.show("ord", order.id)
    if order.cancelled_at:
        raise Conflict(f"{name} is cancelled", cause="nothing is shipped for it", fix=f"csctl order show {name}")
    made = session.scalars(select(Fulfillment).where(Fulfillment.order_id == order.id)).all()
    running = select(Purchase.id).where(Purchase.order_id == order.id, Purchase.status.in_(NOT_OVER)).limit(1)
    if not made or any(one.status in shipments.UNSHIPPED for one in made) or session.scalar(running):
        return
    last = ids.show("ful", made[-1].id)
    raise Conflict(
        f"{name} has shipped",
        cause=f"{last} is {made[-1].status.value}",
        fix=f"csctl fulfillment reship {last}, then change the address",
    )
