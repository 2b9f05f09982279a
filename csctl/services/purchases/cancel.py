"""Cancel purchases: now, on a day, before or after the next billing, and optionally refund the last billing.

With the money, the refund comes first and carries the cancellation along (`Transaction.cancels`): both are recorded
in one transaction, so that nothing that dies between them leaves one without the other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.orm import Session

from csctl.domain import ids
from csctl.domain import purchases as rules
from csctl.domain.ids import Ref
from csctl.domain.outcomes import Outcome
from csctl.domain.purchases import Operation, When
from csctl.domain.refund_plan import Which
from csctl.domain.states import PurchaseStatus
from csctl.domain.text import accept
from csctl.errors import Conflict
from csctl.models import Purchase, Transaction
from csctl.results import Result
from csctl.services.outcomes import cancellation as cancelling
from csctl.services.outcomes import deferred
from csctl.services.payments.engine import drive
from csctl.services.payments.jobs import Job, Needs, Turn, Work
from csctl.services.purchases import changes as purchase_changes
from csctl.services.purchases import differences
from csctl.services.refunds import order_refunds, scope, standing, wishes
from csctl.services.shared import bulk
from csctl.services.shared.chunks import chunks

if TYPE_CHECKING:
    from csctl.app import App

_CARRIED = (
    Outcome.REFUNDED,
    Outcome.VOIDED,
    Outcome.PENDING,
    Outcome.QUEUED,
)  # outcomes of a refund after which the cancellation is made


def cancel(
    app: App,
    refs: Sequence[Ref],
    when: str,
    reason: str | None,
    *,
    refund_last: bool,
    dry_run: bool,
    fail_fast: bool = False,
) -> Iterator[Result]:
    """Cancel purchases at the moment `when`: `now`, `after-next`, `before-next` or a date.

    With `refund_last` each Result is that of the refund, and a purchase whose refund is refused stays as it is. Raises
    Usage for an invalid moment.
    """
    moment = rules.when(when, app.clock.today())
    reason = accept(reason, "reason") if reason else None
    if refund_last:
        return _Refunding(app, moment, reason).results(refs, dry_run=dry_run, fail_fast=fail_fast)

    def change(session: Session, ref: Ref) -> Result:
        purchase = purchase_changes.locked(session, ref.id)
        fitting = _fitting(app, purchase, moment)
        if fitting.now and (charge := deferred.charge_of(session, app.clock.now(), purchase.order_id, purchase)):
            words = deferred.cancel_purchase(session, app, purchase, charge, reason)
            return Result(ref.given, Outcome.PENDING, words, transaction_id=ids.show("txn", charge.id))
        before = differences.snapshot(session, purchase)
        cancelling.cancel_at(session, app, purchase, fitting, reason)
        outcome = Outcome.CANCELLED if fitting.now else Outcome.UPDATED
        said = differences.result(ref.given, outcome, before, differences.snapshot(session, purchase))
        elsewhere = rules.cancel_there_too(purchase.billed_by)
        return replace(said, message=f"{said.message}; {elsewhere}") if elsewhere else said

    return bulk.each(app, refs, change, dry_run=dry_run, fail_fast=fail_fast)


def _fitting(app: App, purchase: Purchase, moment: When) -> When:
    """The meaning of the moment for this purchase. Raises Conflict if its state does not allow it."""
    name = ids.show("pur", purchase.id)
    rules.after(name, purchase.status, Operation.CANCEL)
    billed = purchase.next_bill_on
    if purchase.paused_until is not None:
        billed = rules.billing_resumes(billed, purchase.paused_until)
    fitting = moment.for_one_billed(name, billed, app.clock.today())
    rules.after(name, purchase.status, _operation(fitting))
    return fitting


def _operation(moment: When) -> Operation:
    return Operation.CANCEL if moment.now else Operation.SCHEDULE


@dataclass(frozen=True)
class _Plan:
    """The status of a purchase before its cancellation and after it, and when it ends, unless that is now."""

    before: PurchaseStatus
    after: PurchaseStatus
    ends: str | None

    def added_to(self, result: Result) -> Result:
        """The result of the refund, with the cancellation."""
        change = f"status {self.before.value} -> {self.after.value}"
        ends = {"ends": self.ends} if self.ends else {}
        return replace(
            result,
            message=f"{result.message}; {change}" if result.message else change,
            extra={
                "status": self.after.value,
                "before": {"status": self.before.value},
                "after": {"status": self.after.value, **ends},
            },
        )


@dataclass
class _Refunding:
    """Cancellations that refund the last billing. `plans` are those of the purchases whose refund has begun."""

    app: App
    moment: When
    reason: str | None
    plans: dict[str, _Plan] = field(default_factory=dict)

    def results(self, refs: Sequence[Ref], *, dry_run: bool, fail_fast: bool) -> Iterator[Result]:
        orders = self._orders(refs)
        jobs = (self._job(ref, orders.get(ref.id)) for ref in refs)
        for result in drive(self.app, jobs, dry_run=dry_run, fail_fast=fail_fast):
            plan = self.plans.get(result.id) if result.outcome in _CARRIED else None
            yield plan.added_to(result) if plan else result

    def _orders(self, refs: Sequence[Ref]) -> dict[int, int]:
        """The order of each purchase."""
        found: dict[int, int] = {}
        with self.app.read() as session:
            for numbers in chunks([ref.id for ref in refs]):
                query = select(Purchase.id, Purchase.order_id).where(Purchase.id.in_(numbers))
                found.update((number, order_id) for number, order_id in session.execute(query))
        return found

    def _job(self, ref: Ref, order_id: int | None) -> Job:
        needs = Needs(orders=set() if order_id is None else {order_id})
        again_by = wishes.Wish(reason=self.reason)  # the refund carries the cancellation
        return Job(
            ref.given,
            needs,
            lambda turn: self._work(turn, ref),
            lambda turn, made, again: order_refunds.finish_order(turn, self.app, ref, again_by, made, again=again),
        )

    def _work(self, turn: Turn, ref: Ref) -> Work:
        purchase = purchase_changes.locked(turn.session, ref.id)
        moment = _fitting(self.app, purchase, self.moment)
        scope.refuse_unanswered(turn, purchase.order_id, purchase.id)
        _require_last_billing(turn, purchase)
        after = rules.after(ref.given, purchase.status, _operation(moment))
        self.plans[ref.given] = _Plan(purchase.status, after, None if moment.now else str(moment))
        wish = wishes.Wish(
            reason=self.reason,
            cancel=cancelling.to_carry(purchase, moment),
            which=Which(last=True, purchase_id=purchase.id),
        )
        yield from order_refunds.return_of_order(turn, self.app, ref, purchase.order_id, wish)


def _require_last_billing(turn: Turn, purchase: Purchase) -> None:
    """Raises Conflict unless the purchase's newest sale has a remaining amount. Older ones do not count."""
    covers = (None, purchase.id) if purchase.checkout_amount else (purchase.id,)
    sales: list[Transaction] = turn.sales_of(purchase.order_id)
    paid = [sale for sale in sales if sale.is_sale and sale.purchase_id in covers]
    last = max(paid, key=lambda sale: (sale.created_at, sale.id), default=None)
    if last is None or last.refundable == 0:
        name = ids.show("pur", purchase.id)
        raise Conflict(
            f"nothing remains to refund of the last billing of {name}",
            cause=f"{ids.show('txn', last.id)}: {standing.of(turn.session, last)}"
            if last
            else "nothing was ever billed",
            fix=f"csctl purchase cancel {name}, without --refund-last",
        )
