"""The request for a refund or void, and the results of an earlier command with the same request id."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from csctl.domain import ids
from csctl.domain.cancellations import Carried, Scope
from csctl.domain.ids import Ref
from csctl.domain.money import to_minor
from csctl.domain.outcomes import Outcome
from csctl.domain.refund_plan import Which
from csctl.domain.shop import Shop
from csctl.domain.text import LONGEST, accept
from csctl.errors import Conflict, Usage
from csctl.models import Order, Transaction
from csctl.results import Result
from csctl.services.payments import idempotency
from csctl.services.payments import resume as taking_up
from csctl.services.payments.engine import drive
from csctl.services.payments.jobs import Job, Turn
from csctl.services.shared.chunks import chunks

if TYPE_CHECKING:
    from csctl.app import App


@dataclass(frozen=True)
class Wish:
    """The request for a refund or void. `amount` is a decimal string, for each record; None is the remaining amount.

    `cancel` is what the refund brings with it once it is approved, accepted or queued. A wish that `survives` is for
    the return of the money, whatever way: where a void turns out never to have been carried out, it joins the queue.
    """

    amount: str | None = None
    reason: str | None = None
    note: str | None = None
    cancel: Carried | None = None
    email: bool = True
    request_id: str | None = None
    which: Which = field(default_factory=Which)
    request_approval: bool = False  # what is above the agent's limit is kept as a request
    made_by: int | None = None  # the operator who asked, where an administrator grants it
    quantity: int | None = None  # of the chosen purchase, how many are returned
    survives: bool = False
    prorate: bool = False  # the unused part of the period that was billed last

    def again(self) -> Wish:
        """The same for a further part: its note is stored already."""
        return replace(self, note=None)

    def with_reason_of(self, shop: Shop) -> Wish:
        """The request with a reason of the shop's list, in its spelling. Raises Usage for another one."""
        if not self.reason or not shop.refund_reasons:
            return self
        known = {reason.casefold(): reason for reason in shop.refund_reasons}
        if (reason := known.get(self.reason.strip().casefold())) is None:
            raise Usage(
                f"{self.reason[:40]!r} is not one of the shop's refund reasons",
                cause="the setting refund-reasons lists them; --note takes any text",
                fix=f"--reason with one of: {', '.join(shop.refund_reasons)}",
            )
        return replace(self, reason=reason)

    def checked(self) -> Wish:
        """The request with valid texts. Raises Usage."""
        return replace(
            self,
            reason=accept(self.reason, "reason") if self.reason else None,
            note=accept(self.note, "note", longest=LONGEST, lines=True) if self.note else None,
        )


def to_ask(words: str, wish: Wish) -> str | None:
    """The command that asks for approval of the same; None where a request cannot carry its cancellation."""
    which, cancel = wish.which, wish.cancel
    if cancel and cancel.scope is Scope.PURCHASE:
        return None
    of_purchase = ids.show_or_none("pur", which.purchase_id)
    valued = {
        "--amount": wish.amount,
        "--prorate" if wish.prorate else "--purchase": of_purchase,
        "--quantity": wish.quantity,
        "--cycle": which.cycle,
        "--reason": wish.reason,
        "--note": wish.note,
        "--request-id": wish.request_id,
    }
    flags = {"--last": which.last, "--all-cycles": which.all_cycles, "--cancel": cancel, "--no-email": not wish.email}
    given = [part for name, value in valued.items() if value is not None for part in (name, shlex.quote(str(value)))]
    return " ".join(["csctl", words, *given, *(name for name, is_set in flags.items() if is_set), "--request-approval"])


@dataclass(frozen=True)
class How:
    """How the records of one command are processed."""

    dry_run: bool = False
    concurrency: int = 1
    fail_fast: bool = False

    def drive(self, app: App, jobs: Iterable[Job]) -> Iterator[Result]:
        """Do the jobs at their gateways."""
        return drive(app, jobs, window=self.concurrency, dry_run=self.dry_run, fail_fast=self.fail_fast)


def cancels(order: Order, wish: Wish, sale: Transaction) -> str:
    """The records that the refund of a sale brings to their end, in words; empty if it brings none."""
    carried = wish.cancel
    if carried is None:
        return ""
    of_sale = sale.purchase_id or wish.which.purchase_id
    meant = {Scope.ORDER: None, Scope.PAID_FOR: of_sale, Scope.PURCHASE: carried.purchase_id}[carried.scope]
    names = [ids.show("pur", one.id) for one in order.purchases if not one.status.over and meant in (None, one.id)]
    if carried.scope is Scope.ORDER and order.cancelled_at is None:
        names.insert(0, ids.show("ord", order.id))
    when = f" on {carried.on}" if carried.on else " after the next billing" if carried.after_next else ""
    return f"cancels {', '.join(names)}{when}" if names else ""


def said(result: Result, *more: str) -> Result:
    """The result with more words, if what they say comes with it: it is done, accepted or queued."""
    if not (result.ok or result.outcome is Outcome.QUEUED):
        return result
    return replace(result, message="; ".join(text for text in (result.message, *more) if text))


def amount_of(app: App, refs: Sequence[Ref], wish: Wish, model: type[Transaction | Order]) -> int | None:
    """The requested amount in minor units of the one currency that all records share."""
    if wish.amount is None:
        return None
    currencies: set[str] = set()
    with app.read() as session:
        for some in chunks([ref.id for ref in refs]):
            currencies |= set(session.scalars(select(model.currency).where(model.id.in_(some)).distinct()))
    if len(currencies) > 1:
        found = sorted(currencies)
        raise Usage(
            "one amount for several currencies",
            cause=f"the records are in {' and '.join(found)}",
            fix=f"of one currency at a time: csctl txn list -o jsonl | jq -c 'select(.currency == \"{found[0]}\")'",
        )
    # The currency of missing records is unknown; they are reported as not found.
    amount = to_minor(wish.amount, currencies.pop() if currencies else "USD")
    if amount <= 0:
        raise Usage(f"an amount of {wish.amount} cannot be refunded", fix="give an amount above zero")
    return amount


def request_of(app: App, refs: Sequence[Ref], wish: Wish, amount: int | None, how: How, **more: Any) -> int | None:
    """The number of the request that `--request-id` names, None without one. `amount` is in minor units.

    Raises Usage for an empty id, Conflict where the same id was used for another request.
    """
    if wish.request_id is None:
        return None
    asked = {"ids": sorted(ref.id for ref in refs), "amount": amount, "which": vars(wish.which), **more}
    if wish.quantity is not None or wish.prorate:
        asked |= {"quantity": wish.quantity, "prorate": wish.prorate}
    return idempotency.number_of(app, wish.request_id, asked, dry_run=how.dry_run)


def made_by(turn: Turn, request: int | None, of: Any, now: datetime) -> list[Transaction]:
    """The attempts that the same request made before: for each sale, the last. Raises Conflict while one is at the
    gateway: another process has made the same request at this moment.
    """
    if request is None:
        return []
    made = turn.session.scalars(
        select(Transaction).where(Transaction.request_id == request, of).order_by(Transaction.id)
    ).all()
    for attempt in made:
        if attempt.state.unanswered and (attempt.lease_until or now) > now:
            name = ids.show("txn", attempt.id)
            raise Conflict(f"{name} is being worked on", cause="the same request came just before", fix="run it again")
    turn.needs.opened += made  # locked from the next call on
    return list({attempt.parent_id: attempt for attempt in made}.values())


def first_results(turn: Turn, app: App, request: int | None, of: Any) -> list[Result]:
    """The earlier results of the same request. Attempts that were certainly not executed are made again; so are failed
    ones where failed records are processed again.
    """
    made = made_by(turn, request, of, app.clock.now())
    kept = [attempt for attempt in made if not taking_up.may_be_repeated(attempt, again=app.journal.again)]
    return [taking_up.result_of(turn, attempt) for attempt in kept]
