"""A shop that lives through random days: operations, answers, crashes, jumps of the clock, and what must always hold.

`machine` gives hypothesis a state machine over the services. Its model is small: what was asked for, by sale. The
gateway's ledger is the judge.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from csctl import fault_points
from csctl.domain.ids import Ref
from csctl.domain.outcomes import Outcome
from csctl.fault_points import Point
from csctl.results import Result
from csctl.services.payments import disputes, settlement
from csctl.services.refunds import order_refunds, outside, queue, refunds, retries
from csctl.services.refunds.wishes import How, Wish
from tests.factories import make_customer, make_order, make_payment_method, make_purchase, make_sale, number
from tests.proof import rest
from tests.proof.crashes import GATEWAYS
from tests.proof.inside import Inside, Work

# How the cards of the sales behave.
TOKENS = (
    *("tok_ok", "tok_ok", "tok_refund_declined_1", "tok_refund_declined", "tok_timeout_applied", "tok_timeout_lost"),
    *("tok_pending", "tok_refund_returned", "tok_refund_returned_late_2", "tok_unreachable", "tok_busy"),
    *("tok_outside_refund_1", "tok_refund_card_closed"),
)
# What a gateway does by itself, and csctl learns by asking only.
_BY_ITSELF = ("tok_pending", "tok_refund_returned", "tok_outside")
_CHARGED = ("tok_ok", "tok_ok", "tok_soft_declined", "tok_declined", "tok_charge_timeout_applied", "tok_unreachable")
_ACCEPTED = {Outcome.UNKNOWN, Outcome.QUEUED, Outcome.PENDING, Outcome.EXHAUSTED}  # the wish stands, or may be requeued
_amounts = st.sampled_from(["1.00", "5.00", "19.99"])
_places = st.integers(min_value=0, max_value=30)
_items = st.integers(min_value=1, max_value=6)
_HOW = How()


class Died(BaseException):
    """The process ends here, as if it had been killed."""


@contextmanager
def dying_at(number: int) -> Iterator[None]:
    """Have the command in this process end at the so-manieth point. It commits nothing more: each commit has a point
    before it.
    """
    left = number

    def reached(_: Point) -> None:
        nonlocal left
        left -= 1
        if left <= 0:
            raise Died

    fault_points.hook = reached
    try:
        yield
    finally:
        fault_points.hook = None


class Days(RuleBasedStateMachine):
    """One shop and its sales. `steps` counts the rules that were applied, `operations` the commands among them."""

    shop: Inside
    steps = 0
    operations = 0

    @initialize(gateway=st.sampled_from(sorted(GATEWAYS)))
    def begin(self, gateway: str) -> None:
        self.shop.begin(GATEWAYS[gateway])
        self.sales: list[str] = []
        self.references: dict[str, str] = {}  # of a sale at the gateway: its id
        self.asked: Counter[str] = Counter()  # minor units, by sale
        self.crash = 0
        self.looked = False
        self.mute = "lookup=off" in GATEWAYS[gateway]

    # -- operations

    @rule(token=st.sampled_from(TOKENS), settled=st.booleans())
    def sell(self, token: str, settled: bool) -> None:
        self._step()
        with self.shop.session():
            sale = make_sale(self.shop, token=self._token(token), settled=settled)
        self.sales.append(sale)
        (row,) = self.shop.sql("SELECT gateway_ref FROM transactions WHERE id = :id", id=number(sale))
        self.references[row["gateway_ref"]] = sale

    @rule(place=_places, amount=_amounts)
    def refund(self, place: int, amount: str) -> None:
        if sale := self._sale(place):
            wish = Wish(amount=amount)
            self._wish(sale, amount, lambda app: refunds.refund_transactions(app, [_ref(sale)], wish, _HOW))

    @rule(place=_places)
    def void(self, place: int) -> None:
        if sale := self._sale(place):
            self._wish(sale, "19.99", lambda app: refunds.void_transactions(app, [_ref(sale)], Wish(), _HOW))

    @rule(place=_places)
    def refund_order(self, place: int) -> None:
        if sale := self._sale(place):
            (row,) = self.shop.sql("SELECT order_id FROM transactions WHERE id = :id", id=number(sale))
            order = Ref(f"ord_{row['order_id']}", row["order_id"])
            self._wish(sale, "19.99", lambda app: order_refunds.refund_orders(app, [order], Wish(), _HOW))

    @rule(place=_places, amount=_amounts)
    def record_outside(self, place: int, amount: str) -> None:
        if sale := self._sale(place):
            self._run(lambda app: outside.record(app, [_ref(sale)], "cheque 118", Wish(amount=amount), _HOW))

    @rule(place=_places)
    def undo_outside(self, place: int) -> None:
        if sale := self._sale(place):
            self._run(lambda app: outside.undo(app, [_ref(sale)], dry_run=False))

    @rule(token=st.sampled_from(_CHARGED))
    def subscribe(self, token: str) -> None:
        self._step()
        terms: dict[str, Any] = {"status": "active", "interval": "7 days", "next_bill_on": str(self.shop.at.date())}
        with self.shop.session():
            customer = make_customer(self.shop)
            method = make_payment_method(self.shop, customer, token)
            make_purchase(self.shop, make_order(self.shop, customer), payment_method=method, **terms)

    @rule(name=st.sampled_from(sorted(rest.CRON)))
    def cron(self, name: str) -> None:
        self._run(rest.CRON[name])

    @rule(item=_items, verb=st.sampled_from(["retry", "remove", "requeue", "resolve"]))
    def handle(self, item: int, verb: str) -> None:
        refs = [Ref(f"rfq_{item}", item)]
        works: dict[str, Work] = {
            "retry": lambda app: retries.retry_named(app, refs, _HOW),
            "remove": lambda app: queue.remove(app, refs, "asked by phone", dry_run=False),
            "requeue": lambda app: queue.requeue(app, refs, dry_run=False),
            "resolve": lambda app: queue.resolve(app, refs, "cheque 119", dry_run=False),
        }
        self._run(works[verb])

    @rule(place=_places)
    def look(self, place: int) -> None:
        """Ask about one sale; the next one is reconciled by name."""
        if sale := self._sale(place):
            self._run(lambda app: settlement.sync(app, [_ref(sale)]))

    @rule(place=_places, end=st.sampled_from(["revert", "lost", ""]))
    def dispute(self, place: int, end: str) -> None:
        if sale := self._sale(place):
            change = disputes.Change(revert=end == "revert", lost=end == "lost")
            self._run(lambda app: disputes.change(app, [_ref(sale)], change))

    # -- faults, and time

    @rule(minutes=st.sampled_from([2, 6, 60, 420, 1440, 1440, 2940]))
    def wait(self, minutes: int) -> None:
        self._step()
        self.shop.at += timedelta(minutes=minutes)

    @rule()
    def step_back(self) -> None:
        """The clock of the machine is set back by an hour."""
        self._step()
        self.shop.at -= timedelta(hours=1)

    @rule(point=st.integers(min_value=1, max_value=14))
    def crash_next(self, point: int) -> None:
        self._step()
        self.crash = point

    @rule(place=_places, token=st.sampled_from(TOKENS))
    def turn(self, place: int, token: str) -> None:
        """The card of a sale behaves in another way from now on."""
        self._step()
        if sale := self._sale(place):
            reference = next(ref for ref, name in self.references.items() if name == sale)
            self.shop.books("UPDATE operations SET token = ? WHERE ref = ?", self._token(token), reference)

    # -- what must hold after each step

    @invariant()
    def all_holds(self) -> None:
        """Looked at after each step that changed something."""
        if not self.looked:
            self.looked = True
            found = rest.broken(self.shop)
            assert found == [], found
            for reference, paid in rest.paid(self.shop).items():
                assert paid <= self.asked[self.references[reference]], self.references[reference]

    def teardown(self) -> None:
        """Once the gateway is back and cron has run, nothing is open and both sides agree."""
        if "sales" in self.__dict__:
            self.crash = 0
            rest.bring_to_rest(self.shop)
            found = rest.disagreements(self.shop)
            assert found == [], found
            self.looked = False
            self.all_holds()

    # -- inside

    def _sale(self, place: int) -> str | None:
        return self.sales[place % len(self.sales)] if self.sales else None

    def _token(self, token: str) -> str:
        return "tok_ok" if self.mute and token.startswith(_BY_ITSELF) else token

    def _wish(self, sale: str, amount: str, work: Work) -> None:
        """Ask for a return. One that died may have been kept: it counts as asked for."""
        results = self._run(work)
        if results is None or any(result.ok or result.outcome in _ACCEPTED for result in results):
            self.asked[sale] += round(float(amount) * 100)

    def _step(self) -> None:
        type(self).steps += 1

    def _run(self, work: Work) -> list[Result] | None:
        """The results of a command; None where it died."""
        self._step()
        type(self).operations += 1
        self.looked = False
        crash, self.crash = self.crash, 0
        if not crash:
            return self.shop.work(work)
        try:
            with dying_at(crash):
                return self.shop.work(work)
        except Died:
            return None


def _ref(sale: str) -> Ref:
    return Ref(sale, number(sale))


def machine(shop: Inside) -> type[Days]:
    """The state machine, with shops from `shop`, one after the other."""
    return type("Days", (Days,), {"shop": shop})
