"""A shop that lives through random days: operations, answers, crashes, jumps of the clock, and what must always hold.

`machine` gives hypothesis a state machine over the command line. Its model is small: what was asked for, by sale. The
gateway's ledger is the judge.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from sqlalchemy import Engine, event

from csctl.gateways.sandbox import Sandbox
from tests.factories import make_sale, number
from tests.payments.dying import around
from tests.proof import books
from tests.shops import MONDAY, Shop

Opened = Callable[[], Shop]

# How the cards of the sales behave. What a gateway refuses to be asked about is left to a person, and not here.
TOKENS = (
    *("tok_ok", "tok_ok", "tok_refund_declined_1", "tok_refund_declined", "tok_timeout_applied", "tok_timeout_lost"),
    *("tok_pending", "tok_refund_returned", "tok_refund_returned_late_2", "tok_unreachable", "tok_busy"),
    *("tok_outside_refund_1", "tok_refund_card_closed"),
)
_ACCEPTED = {0, 9, 12}  # the wish stands: done, unknown or queued
_REST = 12  # days until all is at rest
_amounts = st.sampled_from(["1.00", "5.00", "19.99"])
_sales = st.integers(min_value=0, max_value=30)


class Died(BaseException):
    """The process ends here, as if it had been killed."""


@contextmanager
def dying_at(number: int) -> Iterator[None]:
    """Have the command in this process end at the so-manieth point: before a commit, around a call of the gateway."""
    left = number

    def point(*_: Any) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise Died

    event.listen(Engine, "commit", point)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Sandbox, "_answer", around(Sandbox._answer, point))
        try:
            yield
        finally:
            event.remove(Engine, "commit", point)


class Days(RuleBasedStateMachine):
    """One shop and its sales. `steps` counts the operations of all examples."""

    opened: Opened
    steps = 0

    @initialize()
    def begin(self) -> None:
        self.shop = type(self).opened()
        self.now = datetime.fromisoformat(MONDAY)
        self.sales: list[str] = []
        self.asked: Counter[str] = Counter()  # minor units, by sale
        self.crash = 0

    # -- operations

    @rule(token=st.sampled_from(TOKENS), settled=st.booleans())
    def sell(self, token: str, settled: bool) -> None:
        self.shop.now = self._stamp()
        self.sales.append(make_sale(self.shop, token=token, settled=settled))

    @rule(place=_sales, amount=_amounts)
    def refund(self, place: int, amount: str) -> None:
        if sale := self._sale(place):
            self._wish(sale, amount, f"txn refund {sale} --amount {amount} --yes")

    @rule(place=_sales)
    def void(self, place: int) -> None:
        if sale := self._sale(place):
            self._wish(sale, "19.99", f"txn void {sale} --yes")

    @rule(place=_sales)
    def refund_order(self, place: int) -> None:
        if sale := self._sale(place):
            order = self.shop.sql("SELECT order_id FROM transactions WHERE id = :id", id=number(sale))[0]["order_id"]
            self._wish(sale, "19.99", f"order refund ord_{order} --yes")

    @rule(words=st.sampled_from(["queue retry", "txn reconcile", "txn sync", "email send"]))
    def cron(self, words: str) -> None:
        self._run(words)

    @rule(item=st.integers(min_value=1, max_value=6), verb=st.sampled_from(["retry", "remove", "requeue"]))
    def handle(self, item: int, verb: str) -> None:
        reason = " --reason 'asked by phone'" if verb == "remove" else ""
        self._run(f"queue {verb} rfq_{item}{reason} --yes")

    @rule(item=st.integers(min_value=1, max_value=6))
    def resolve(self, item: int) -> None:
        self._run(f"queue resolve rfq_{item} --reference 'cheque 118' --yes")

    @rule(place=_sales, revert=st.booleans())
    def dispute(self, place: int, revert: bool) -> None:
        if sale := self._sale(place):
            self._run(f"txn dispute {sale}{' --revert' if revert else ''} --yes")

    # -- faults, and time

    @rule(hours=st.sampled_from([1, 7, 24, 24, 49]))
    def wait(self, hours: int) -> None:
        self.now += timedelta(hours=hours)

    @rule()
    def step_back(self) -> None:
        """The clock of the machine is set back by an hour."""
        self.now -= timedelta(hours=1)

    @rule(point=st.integers(min_value=1, max_value=12))
    def crash_next(self, point: int) -> None:
        self.crash = point

    # -- what must hold after each step

    @invariant()
    def no_more_is_paid_than_was_asked_for(self) -> None:
        paid: Counter[str] = Counter()
        for row in self.shop.ledger() if self.sales else ():
            if row["kind"] != "sale" and row["result"] in ("approved", "pending") and row["key"]:
                paid[row["parent_ref"]] += int(Decimal(row["amount"]) * 100)
        for row in self.shop.sql("SELECT id, gateway_ref FROM transactions WHERE kind = 'sale'") if paid else ():
            assert paid[row["gateway_ref"]] <= self.asked[f"txn_{row['id']}"], row

    @invariant()
    def every_reserved_amount_belongs_to_something_open(self) -> None:
        assert self.shop.sql(_RESERVED) == []

    @invariant()
    def no_item_is_tried_too_often(self) -> None:
        assert self.shop.sql("SELECT id FROM refund_queue WHERE attempts > 3") == []
        assert self.shop.sql(_TWICE_A_DAY) == []

    def teardown(self) -> None:
        """Once the gateway is back and cron has run, nothing is open and both sides agree."""
        if not self.sales:
            return
        self.crash = 0
        self.shop.sql("UPDATE payment_methods SET token = 'tok_ok' WHERE token IN ('tok_unreachable', 'tok_busy')")
        self.shop.sql("UPDATE transactions SET disputed_at = NULL")
        self.shop.adopt()
        for _ in range(_REST):
            self.now += timedelta(days=1)
            for words in ("txn reconcile", "txn sync", "queue retry"):
                self._run(words)
        self._run(f"txn sync {' '.join(self.sales)}")  # the sandbox tells of settled sales only where it is asked
        self.shop.now = self._stamp()
        found = [text for text in books.disagreements(self.shop) if not text.startswith("returned twice")]
        self.shop.close()
        assert found == [], found

    # -- inside

    def _sale(self, place: int) -> str | None:
        return self.sales[place % len(self.sales)] if self.sales else None

    def _wish(self, sale: str, amount: str, words: str) -> None:
        """Ask for a return. One that died may have been kept: it counts as asked for."""
        code = self._run(words)
        if code is None or code in _ACCEPTED:
            self.asked[sale] += int(Decimal(amount) * 100)

    def _run(self, words: str) -> int | None:
        """The exit code of a command; None where it died."""
        type(self).steps += 1
        crash, self.crash = self.crash, 0
        if not crash:
            done = self.shop(words, at=self._stamp())
            assert done.code != 1, done.err
            return done.code
        try:
            with dying_at(crash):
                return self.shop(words, at=self._stamp()).code
        except Died:
            return None

    def _stamp(self) -> str:
        return self.now.isoformat().replace("+00:00", "Z")


def machine(opened: Opened) -> type[Days]:
    """The state machine, with shops from `opened`."""
    return type("Days", (Days,), {"opened": staticmethod(opened)})


_RESERVED = """
    SELECT sale.id, sale.reserved FROM transactions sale WHERE sale.kind = 'sale' AND sale.reserved <>
      (SELECT coalesce(sum(amount), 0) FROM transactions WHERE parent_id = sale.id AND queue_item_id IS NULL
         AND kind IN ('refund', 'void') AND state NOT IN ('approved', 'declined', 'failed'))
    + (SELECT coalesce(sum(amount), 0) FROM refund_queue WHERE sale_id = sale.id AND state IN ('queued', 'in_progress'))
"""
_TWICE_A_DAY = """
    SELECT queue_item_id FROM transactions WHERE attempt_on IS NOT NULL GROUP BY queue_item_id, attempt_on
    HAVING count(*) > 1
"""
