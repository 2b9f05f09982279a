"""What operators do with failed refunds in the queue (domain rules, section 4)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.orm import Session

from csctl.domain import ids
from csctl.domain.ids import Ref
from csctl.domain.money import Money
from csctl.domain.outcomes import Outcome
from csctl.domain.refund_queue import Operation, after
from csctl.domain.retries import POLICY
from csctl.domain.text import accept
from csctl.errors import Conflict, NotFound, Usage
from csctl.models import Order, QueueItem, Transaction
from csctl.results import Result
from csctl.services.outcomes import orders
from csctl.services.outcomes import refund as queue_rules
from csctl.services.refunds import checks as refund_checks
from csctl.services.refunds import standing
from csctl.services.shared import audit, bulk, history

if TYPE_CHECKING:
    from csctl.app import App


def remove(app: App, refs: Sequence[Ref], reason: str, *, dry_run: bool, fail_fast: bool = False) -> Iterator[Result]:
    """Remove items from the queue; their amount remains on the sale again."""
    reason = _required(reason, "reason")

    def change(session: Session, ref: Ref) -> Result:
        item, sale = _locked(session, ref)
        queue_rules.close(item, Operation.REMOVE, app.clock.now())
        item.close_reason = reason
        sale.reserved -= item.amount
        return _done(session, app, item, ref, Outcome.REMOVED, f"removed refund {{}} from the queue: {reason}")

    return bulk.each(app, refs, change, dry_run=dry_run, fail_fast=fail_fast)


def requeue(app: App, refs: Sequence[Ref], *, dry_run: bool, fail_fast: bool = False) -> Iterator[Result]:
    """Requeue exhausted or removed items, with all their attempts. The amount must still remain on the sale."""

    def change(session: Session, ref: Ref) -> Result:
        item, sale = _locked(session, ref)
        then = after(ref.given, item.state, Operation.REQUEUE)
        _refuse_unless_left(session, item, sale)
        refund_checks.refuse_unless_allowed(app, sale, item.amount)
        today = app.clock.today()
        taken = POLICY.was_tried(item.last_attempt_on, today) or app.clock.day_of(item.created_at) == today
        item.state, item.attempts, item.closed_at, item.close_reason = then, 0, None, None
        item.next_attempt_on = POLICY.next_day(today) if taken else today
        sale.reserved += item.amount
        return _done(session, app, item, ref, Outcome.REQUEUED, "requeued refund {}")

    return bulk.each(app, refs, change, dry_run=dry_run, fail_fast=fail_fast)


def resolve(
    app: App, refs: Sequence[Ref], reference: str, *, dry_run: bool, fail_fast: bool = False
) -> Iterator[Result]:
    """Resolve items whose money was returned outside of the gateway: it counts as refunded. The role's
    limit applies.
    """
    reference = _required(reference, "reference")

    def change(session: Session, ref: Ref) -> Result:
        item, sale = _locked(session, ref)
        reserved = not item.state.given_up
        queue_rules.close(item, Operation.RESOLVE, app.clock.now())
        if not reserved:
            _refuse_unless_left(session, item, sale)
            sale.reserved += item.amount
        refund_checks.refuse_unless_allowed(app, sale, 0, to_ask="")
        item.reference = reference
        sale.reserved -= item.amount
        sale.refunded += item.amount
        siblings = session.scalars(select(Transaction).where(Transaction.order_id == item.order_id)).all()
        orders.note_if_all_returned(item.order, list(siblings))
        return _done(session, app, item, ref, Outcome.RESOLVED, f"refund {{}} was paid outside: {reference}")

    return bulk.each(app, refs, change, dry_run=dry_run, fail_fast=fail_fast)


def _required(text: str, field: str) -> str:
    if not (kept := accept(text, field)):
        raise Usage(f"a {field} is needed", fix=f"--{field} TEXT")
    return kept


def _locked(session: Session, ref: Ref) -> tuple[QueueItem, Transaction]:
    """The item and its sale, locked in the order of all locks: order, sale, item."""
    item = session.get(QueueItem, ref.id)
    if item is None:
        raise NotFound(f"there is no refund queue item {ref.given}", fix="csctl queue list --state any")
    bulk.locked(session, Order, "ord", item.order_id)
    sale = bulk.locked(session, Transaction, "txn", item.sale_id)
    return bulk.locked(session, QueueItem, "rfq", ref.id), sale


def _refuse_unless_left(session: Session, item: QueueItem, sale: Transaction) -> None:
    """Raises Conflict if the released amount was refunded otherwise."""
    if sale.refundable < item.amount:
        name = ids.show("txn", sale.id)
        raise Conflict(
            f"{Money(item.amount, item.currency)} is more than the remaining amount of {name}",
            cause=f"{Money(sale.refundable, sale.currency)} remains; {standing.of(session, sale)}",
            fix=f"csctl txn show {name}",
        )


def _done(session: Session, app: App, item: QueueItem, ref: Ref, outcome: Outcome, event: str) -> Result:
    name = ids.show("rfq", item.id)
    history.event(session, app, item.customer_id, event.format(name), order_id=item.order_id)
    money = Money(item.amount, item.currency)
    audit.write(session, app, outcome, target=name, state=item.state.value, amount=str(money), reference=item.reference)
    return Result(ref.given, outcome, money=money, queue_item_id=name)
