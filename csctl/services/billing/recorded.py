"""Record a charge of csctl that a restored database lacks as the billing of its cycle. Nothing is sent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from csctl.domain.comparison import Entry
from csctl.domain.ids import Ref
from csctl.domain.money import Money
from csctl.domain.states import Occasion
from csctl.errors import Conflict, Usage
from csctl.gateways.operations import Answer
from csctl.results import Result
from csctl.services.billing import cycle as billing
from csctl.services.billing import forced
from csctl.services.billing.forced import Terms
from csctl.services.payments import attempts, cards, opening, restored
from csctl.services.payments.engine import drive
from csctl.services.payments.jobs import Job, Needs, Turn, Work
from csctl.services.shared import access

if TYPE_CHECKING:
    from csctl.app import App


@dataclass(frozen=True)
class Charged:
    """A charge at an account, and the purchase that it paid for."""

    ref: Ref
    account: str
    entry: Entry


def charge(app: App, refs: Sequence[Ref], reference: str, terms: Terms) -> Charged:
    """The charge with a reference. Raises Usage, NotPermitted, NotFound and Unreachable."""
    access.require(app, "purchase force-bill with --charged")
    forced.refuse_unless_sound(app, refs, terms)
    if len(refs) != 1:
        raise Usage("--charged is for one purchase", fix=f"csctl purchase force-bill PUR --charged {reference}")
    return Charged(refs[0], *restored.charge(app, reference))


def record(app: App, wanted: Charged, terms: Terms, *, dry_run: bool) -> Iterator[Result]:
    """Record the charge as the next cycle of its purchase."""
    job = Job(wanted.ref.given, Needs(purchases={wanted.ref.id}), lambda turn: _record(turn, app, wanted, terms))
    return drive(app, [job], dry_run=dry_run, sends=False)


def _record(turn: Turn, app: App, wanted: Charged, terms: Terms) -> Work:
    entry, day = wanted.entry, app.clock.day_of(wanted.entry.at or app.clock.now())
    purchase = forced.billable(turn, wanted.ref)
    forced.refuse_other_cycle(turn, app, wanted.ref, purchase, terms.cycle)
    method = cards.of_purchase(turn.session, purchase, turn.sales_of(purchase.order_id))
    due = forced.with_terms(purchase, billing.next_of(purchase, day), terms)
    there = Money(entry.amount or due.amount, entry.currency or purchase.currency)
    expected = Money(due.amount, purchase.currency)
    if method.gateway != wanted.account or there != expected:
        raise Conflict(
            f"{entry.reference} is {there} at {wanted.account}",
            cause=f"cycle {due.cycle} of {wanted.ref.given} is {expected} at {method.gateway}",
            fix="name the purchase that it paid for, or --quantity and --unit-price if these were others",
        )
    sale = opening.open_sale(
        turn,
        app,
        purchase.order,
        method,
        due.amount,
        Occasion.FORCED,
        purchase_id=purchase.id,
        cycle=due.cycle,
        due_on=due.due_on,
        quantity=due.quantity if due.keep else None,
        unit_price=due.unit_price if due.keep else None,
    )
    # Without a time of sending: what else the books lack is older than this, and is compared all the same.
    sale.key, sale.created_at = entry.key, entry.at or sale.created_at
    turn.session.flush()
    answer = Answer(entry.state, entry.reference, amount=entry.amount, currency=entry.currency)
    result = attempts.record(turn, app, sale.id, attempts.claim_for(app, sale), answer)
    yield forced.as_billed(turn, wanted.ref, result)
