"""Retry failed refunds, once per business day, and what operators do with them (domain rules, section 4)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from csctl.domain import ids
from csctl.domain.ids import Ref
from csctl.domain.money import Money
from csctl.domain.outcomes import Outcome
from csctl.domain.refund_queue import GONE, Operation, after
from csctl.domain.retries import POLICY
from csctl.domain.states import ItemState, Kind
from csctl.domain.text import accept
from csctl.errors import Conflict, NotFound, Usage
from csctl.models import NotifyEmail, Order, QueueItem, Transaction
from csctl.results import Result
from csctl.services.outcomes import refund as queue_rules
from csctl.services.payments import attempts, reconcile
from csctl.services.payments.engine import drive
from csctl.services.payments.jobs import Job, Needs, Turn, Work
from csctl.services.refunds import checks as refund_checks
from csctl.services.refunds import refunds
from csctl.services.shared import access, audit, bulk, history, listing

if TYPE_CHECKING:
    from csctl.app import App


def retry_due(
    app: App,
    orphans: reconcile.Orphans,
    *,
    limit: int | None = None,
    concurrency: int = 1,
    dry_run: bool = False,
    fail_fast: bool = False,
) -> Iterator[Result]:
    """The daily cron command: reconcile orphaned attempts, then retry every refund that is due today.

    Any number of processes may do this at once: each item is attempted by one of them. The caller delivers waiting
    emails, last.
    """
    access.require(app, "queue retry of all")
    _ = app.gateways
    warn_without_notify_emails(app)
    if not dry_run:
        reconcile.orphans(app, orphans, concurrency=concurrency)
    _tell_what_waits(app)
    jobs = (_job(app, Ref(ids.show("rfq", number), number), named=False) for number in _due(app, limit))
    yield from drive(app, jobs, window=concurrency, dry_run=dry_run, fail_fast=fail_fast)


def retry_named(app: App, refs: Sequence[Ref], how: refunds.How) -> Iterator[Result]:
    """Retry the named items now, as their attempt of the day."""
    access.require(app, "queue retry of named items")
    jobs = (_job(app, ref, named=True) for ref in refs)
    yield from drive(app, jobs, window=how.concurrency, dry_run=how.dry_run, fail_fast=how.fail_fast)


def warn_without_notify_emails(app: App) -> None:
    with app.read() as session:
        if session.scalar(select(NotifyEmail.id).limit(1)) is None:
            app.notice(
                "Warning: there are no Notify Emails: exhausted refunds are not reported (csctl queue notify add)."
            )


def _tell_what_waits(app: App) -> None:
    disputed = select(func.count()).select_from(QueueItem).join(QueueItem.sale)
    disputed = disputed.where(QueueItem.state == ItemState.QUEUED, Transaction.disputed_at.is_not(None))
    with app.read() as session:
        waiting = session.scalar(disputed)
    if waiting:
        what = "1 refund waits" if waiting == 1 else f"{waiting:,} refunds wait"
        app.notice(f"{what} for the dispute of its sale: csctl queue list")


def _due(app: App, limit: int | None) -> Iterator[int]:
    """The due items, oldest first. An item of a disputed sale is skipped, without consuming an attempt."""
    statement = (
        select(QueueItem.id)
        .join(Transaction, QueueItem.sale_id == Transaction.id)
        .where(
            QueueItem.state == ItemState.QUEUED,
            QueueItem.next_attempt_on <= app.clock.today(),
            Transaction.disputed_at.is_(None),
        )
    )
    return listing.numbers(app, statement, QueueItem.id, limit)


def _job(app: App, ref: Ref, *, named: bool) -> Job:
    return Job(ref.given, Needs(items={ref.id}), lambda turn: _retry(turn, app, ref, named=named))


def _retry(turn: Turn, app: App, ref: Ref, *, named: bool) -> Work:
    item = turn.session.get(QueueItem, ref.id)
    if item is None:
        raise NotFound(f"there is no refund queue item {ref.given}", fix="csctl queue list --state any")
    sale, today = turn.session.get_one(Transaction, item.sale_id), app.clock.today()
    if not named and (item.state is not ItemState.QUEUED or (item.next_attempt_on or today) > today):
        return  # another process has claimed it since it was listed
    then = after(ref.given, item.state, Operation.RETRY)
    if refusal := _not_today(ref, item, sale, today):
        if named:
            raise refusal
        return
    _ = app.gateways[item.sale.gateway]
    attempt = attempts.open_attempt(
        turn,
        app,
        sale,
        Kind.REFUND,
        item.amount,
        item=item,
        attempt_on=today,
        send_email=item.send_email,
        purchase_id=item.origin.purchase_id,
    )
    item.state, item.last_attempt_on = then, today
    result = yield from attempts.exchange(turn, app, attempt)
    item = turn.session.get_one(QueueItem, ref.id)
    yield replace(result, id=ref.given, queue_item_id=ids.show("rfq", ref.id), extra={"attempt": _number(item, result)})


def _number(item: QueueItem, result: Result) -> int:
    """The number of this attempt of the item."""
    return item.attempts + (0 if result.outcome in (Outcome.QUEUED, Outcome.EXHAUSTED, Outcome.REFUNDED) else 1)


def _not_today(ref: Ref, item: QueueItem, sale: Transaction, today: date) -> Conflict | None:
    if sale.disputed_at:
        name = ids.show("txn", sale.id)
        return Conflict(
            f"the sale of {ref.given} is disputed",
            cause="a chargeback returns the money already",
            fix=f"csctl txn dispute {name} --revert, once it is won",
        )
    if POLICY.was_tried(item.last_attempt_on, today):
        return Conflict(
            f"{ref.given} was tried today", cause="a refund is tried once a day", fix="run it again tomorrow"
        )
    return None


# -- changes by operators


def remove(app: App, refs: Sequence[Ref], reason: str, *, dry_run: bool, fail_fast: bool = False) -> Iterator[Result]:
    """Remove items from the queue; their amount remains on the sale again."""
    reason = _required(reason, "reason")

    def change(session: Session, ref: Ref) -> Result:
        item, sale = _locked(session, ref)
        queue_rules.close(app, item, Operation.REMOVE)
        item.close_reason = reason
        sale.reserved -= item.amount
        return _done(session, app, item, ref, Outcome.REMOVED, f"removed refund {{}} from the queue: {reason}")

    return bulk.each(app, refs, change, dry_run=dry_run, fail_fast=fail_fast)


def requeue(app: App, refs: Sequence[Ref], *, dry_run: bool, fail_fast: bool = False) -> Iterator[Result]:
    """Requeue exhausted or removed items, with all their attempts. The amount must still remain on the sale."""

    def change(session: Session, ref: Ref) -> Result:
        item, sale = _locked(session, ref)
        then = after(ref.given, item.state, Operation.REQUEUE)
        _refuse_unless_left(item, sale)
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
        reserved = item.state not in GONE
        queue_rules.close(app, item, Operation.RESOLVE)
        if not reserved:
            _refuse_unless_left(item, sale)
            sale.reserved += item.amount
        refund_checks.refuse_unless_allowed(app, sale, 0)
        item.reference = reference
        sale.reserved -= item.amount
        sale.refunded += item.amount
        siblings = session.scalars(select(Transaction).where(Transaction.order_id == item.order_id)).all()
        attempts.note_if_all_returned(item.order, list(siblings))
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


def _refuse_unless_left(item: QueueItem, sale: Transaction) -> None:
    """Raises Conflict if the released amount was refunded otherwise."""
    if sale.refundable < item.amount:
        name = ids.show("txn", sale.id)
        raise Conflict(
            f"{Money(item.amount, item.currency)} is more than is left of {name}",
            cause=f"{Money(sale.refundable, sale.currency)} is left" + ("; it is disputed" if sale.disputed_at else ""),
            fix=f"csctl txn show {name}",
        )


def _done(session: Session, app: App, item: QueueItem, ref: Ref, outcome: Outcome, event: str) -> Result:
    name = ids.show("rfq", item.id)
    history.event(session, app, item.customer_id, event.format(name), order_id=item.order_id)
    money = Money(item.amount, item.currency)
    audit.write(session, app, outcome, target=name, state=item.state.value, amount=str(money), reference=item.reference)
    return Result(ref.given, outcome, money=money, queue_item_id=name)
