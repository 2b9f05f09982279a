"""Trying failed refunds again, once per business day (domain rules, section 4)."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select
from sqlalchemy.orm import aliased

from csctl.domain import ids
from csctl.domain.ids import Ref
from csctl.domain.money import Money
from csctl.domain.outcomes import Outcome
from csctl.domain.refund_queue import Operation, after
from csctl.domain.retries import POLICY
from csctl.domain.states import ItemState, Kind, Role, Settlement
from csctl.errors import Conflict, NotFound
from csctl.models import NotifyEmail, Operator, QueueItem, Transaction
from csctl.results import Result
from csctl.services.outcomes import refund as queue_rules
from csctl.services.payments import attempts, opening, reconcile
from csctl.services.payments.engine import drive
from csctl.services.payments.jobs import Call, Job, Needs, Turn, Work
from csctl.services.refunds import approvals, limits, unattempted, ways, wishes
from csctl.services.shared import access, audit, duplicates

if TYPE_CHECKING:
    from csctl.app import App


_of_item = aliased(Transaction)  # the sale of an item, next to its attempts; made once, as it is costly
# Outcomes by which an item leaves the queue: those of earlier attempts are rows of the run, too.
_CLOSED = (Outcome.REFUNDED, Outcome.VOIDED, Outcome.EXHAUSTED)


def retry_due(
    app: App,
    orphans: reconcile.Orphans,
    *,
    limit: int | None = None,
    concurrency: int = 1,
    dry_run: bool = False,
    fail_fast: bool = False,
) -> Iterator[Result]:
    """The daily cron: reconcile what is orphaned, then retry every refund that is due today.

    Any number of processes may do this at once: each item is attempted by one of them. Waiting emails are delivered by
    the caller, last.
    """
    access.require(app, "queue retry of all")
    _ = app.gateways
    warn_without_notify_emails(app)
    if not dry_run:
        for found in reconcile.orphans(app, orphans, concurrency=concurrency):
            if found.queue_item_id and found.outcome in _CLOSED:
                yield replace(found, id=found.queue_item_id, message=found.message or f"by the answer to {found.id}")
    _tell_what_waits(app)
    due = _Due(app, limit)
    jobs = (_job(app, Ref(ids.show("rfq", number), number), due) for number in due)
    yield from drive(app, jobs, window=concurrency, dry_run=dry_run, fail_fast=fail_fast)
    if not dry_run:
        unattempted.tell(app)


def retry_named(app: App, refs: Sequence[Ref], how: wishes.How) -> Iterator[Result]:
    """Try the named items now, taking the day's slot of each."""
    access.require(app, "queue retry of named items")
    yield from how.drive(app, (_job(app, ref) for ref in refs))


def warn_without_notify_emails(app: App) -> None:
    """Say on stderr that no one would learn of an exhausted refund."""
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


def _due(app: App, limit: int | None) -> list[int]:
    """The items that are due, those first that were not tried for longest: where an outage ended the last run early,
    the next one begins with what it did not reach. A disputed sale's item is skipped, without consuming an attempt.
    """
    # Of a plain id SQLite would look for the newest attempt from the end of the table.
    tried = select(func.max(Transaction.id + 0)).where(Transaction.queue_item_id == QueueItem.id).scalar_subquery()
    statement = (
        select(QueueItem.id)
        .join(_of_item, QueueItem.sale_id == _of_item.id)
        .where(
            QueueItem.state == ItemState.QUEUED,
            QueueItem.next_attempt_on <= app.clock.today(),
            _of_item.disputed_at.is_(None),
        )
        .order_by(func.coalesce(tried, 0), QueueItem.id)
        .limit(limit)
    )
    with app.read() as session:
        return list(session.scalars(statement))


class _Due:
    """The numbers of the items that are due. Where another process has taken some of them, the rest is read again and
    begun somewhere else: processes that follow each other through the queue would only wait for each other.
    """

    def __init__(self, app: App, limit: int | None) -> None:
        self.app, self.limit = app, limit
        self.numbers = deque(_due(app, limit))
        self.is_shared = False

    def __iter__(self) -> Iterator[int]:
        given: set[int] = set()
        while self.numbers:
            given.add(self.numbers[0])
            yield self.numbers.popleft()
            if self.is_shared and self.limit is None:
                self.is_shared = False
                self.numbers = deque(number for number in _due(self.app, None) if number not in given)
                self.numbers.rotate(random.randrange(len(self.numbers) + 1))  # noqa: S311 - no secret


def _job(app: App, ref: Ref, due: _Due | None = None) -> Job:
    """An item to try: one of those that are `due`, or one that is named."""
    return Job(ref.given, Needs(items={ref.id}), lambda turn: _retry(turn, app, ref, due))


def _retry(turn: Turn, app: App, ref: Ref, due: _Due | None) -> Work:
    item = _retriable(turn, app, ref, due)
    if item is None:
        return
    sale = turn.session.get_one(Transaction, item.sale_id)
    if sale.duplicate_at:
        yield replace(_leave_to_a_person(turn, app, item, sale), id=ref.given)
        return
    _ = app.gateways[sale.gateway]
    kind = _way(app, item, sale)
    if kind is Kind.REFUND and (request := _for_approval(turn, app, item, sale)):
        yield replace(request, id=ref.given)
        return
    result = yield from _attempt(turn, app, item, sale, kind)
    item, sale = turn.session.get_one(QueueItem, ref.id), turn.session.get_one(Transaction, item.sale_id)
    if kind is Kind.VOID and item.state is ItemState.QUEUED and sale.settlement is Settlement.SETTLED:
        if request := _for_approval(turn, app, item, sale):
            yield replace(request, id=ref.given)
            return
        result = yield from _attempt(turn, app, item, sale, Kind.REFUND)  # of the same day: they count as one
        item = turn.session.get_one(QueueItem, ref.id)
    yield replace(result, id=ref.given, queue_item_id=ids.show("rfq", ref.id), extra={"attempt": _number(item, result)})


def _leave_to_a_person(turn: Turn, app: App, item: QueueItem, sale: Transaction) -> Result:
    """The sale is a duplicate of another one, so nothing is sent."""
    name, item.last_reason = ids.show("rfq", item.id), duplicates.words(turn.session, sale)
    queue_rules.give_up(turn.session, app, sale, item)
    error = Conflict("the refund was given up", cause=item.last_reason, fix=f"csctl queue show {name}")
    money = Money(item.amount, item.currency)
    audit.write(turn.session, app, Outcome.EXHAUSTED, target=name, amount=str(money), reason="duplicate")
    return Result(
        name, Outcome.EXHAUSTED, f"given up: {item.last_reason}", error=error, money=money, queue_item_id=name
    )


def _retriable(turn: Turn, app: App, ref: Ref, due: _Due | None) -> QueueItem | None:
    """The item, if it can be attempted now. None for one that was `due` and that another process has taken, or that was
    tried today. Raises NotFound or Conflict for one that is named.
    """
    item = turn.session.get(QueueItem, ref.id)
    if item is None:
        raise NotFound(f"there is no refund queue item {ref.given}", fix="csctl queue list --state any")
    sale, today = turn.session.get_one(Transaction, item.sale_id), app.clock.today()
    if due and (item.state is not ItemState.QUEUED or (item.next_attempt_on or today) > today):
        due.is_shared = True
        return None
    after(ref.given, item.state, Operation.RETRY)
    if refusal := _not_today(ref, item, sale, today):
        if not due:
            raise refusal
        return None
    return item


def _way(app: App, item: QueueItem, sale: Transaction) -> Kind:
    """What is possible today: a void where the sale is unsettled and all of it is meant, else a refund."""
    whole = item.amount == sale.amount == sale.reserved and not sale.refunded
    unsettled = sale.settlement is Settlement.UNSETTLED
    return Kind.VOID if whole and unsettled and ways.of(app, sale).void else Kind.REFUND


def _attempt(turn: Turn, app: App, item: QueueItem, sale: Transaction, kind: Kind) -> Generator[Call, Any, Result]:
    today = app.clock.today()
    attempt = opening.open_attempt(
        turn,
        app,
        sale,
        kind,
        item.amount,
        item=item,
        attempt_on=today,
        send_email=item.send_email,
        purchase_id=item.origin.purchase_id,
        refund_reason=item.origin.refund_reason,
    )
    queue_rules.move(item, Operation.RETRY)
    item.last_attempt_on = today
    return (yield from attempts.exchange(turn, app, attempt))


def _for_approval(turn: Turn, app: App, item: QueueItem, sale: Transaction) -> Result | None:
    """A void that has to become a refund above the limit of the agent who asked for it: it becomes their request for
    approval, and leaves the queue. None where that is not so.
    """
    asked_by = item.origin.created_by if item.origin.kind is Kind.VOID else None
    agent = turn.session.get(Operator, asked_by) if asked_by else None
    if agent is None or agent.role is not Role.AGENT or limits.of_sale(turn.session, sale, 0) is None:
        return None
    queue_rules.close(item, Operation.REMOVE, app.clock.now())
    item.close_reason = "above the limit of the agent: it waits for approval"
    sale.reserved -= item.amount
    turn.session.flush()
    return approvals.ask(
        turn.session,
        app,
        sale,
        item.amount,
        requested_by=agent.id,
        purchase_id=item.origin.purchase_id,
        reason=item.origin.refund_reason,
        send_email=item.send_email,
    )


def _number(item: QueueItem, result: Result) -> int | None:
    """Which of the item's attempts this one is, or would be; None if it was refused before it was sent."""
    if result.outcome is Outcome.REFUSED:
        return None
    counted = result.outcome in (Outcome.QUEUED, *_CLOSED)
    return item.attempts + (0 if counted else 1)


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
