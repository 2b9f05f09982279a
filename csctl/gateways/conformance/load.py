"""Many threads at one adapter."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from csctl.domain.reasons import Reason
from csctl.domain.states import Kind, State
from csctl.gateways.conformance.server import Fault
from csctl.gateways.conformance.world import HttpWorld, Sold, World, not_offered


class Load:
    """Group I."""

    def test_no_thread_gets_the_answer_of_another(self, world: World) -> None:
        sales = [world.sell(2000, Sold.SETTLED) for _ in range(24)]
        refunds = [world.op(Kind.REFUND, 100 + number, sale=sale) for number, sale in enumerate(sales)]
        _ = world.account  # opened once

        with ThreadPoolExecutor(16) as pool:
            answers = list(pool.map(world.write, refunds))

        assert [answer.state for answer in answers] == [State.APPROVED] * 24
        assert len({answer.reference for answer in answers}) == 24
        assert [world.returned(sale) for sale in sales] == [refund.amount for refund in refunds]
        for refund, answer in zip(refunds, answers, strict=True):
            assert world.account.lookup(answer.reference or "", Kind.REFUND).answer.amount == refund.amount

    def test_a_storm_of_refusals_loses_nothing(self, world: World) -> None:
        if not isinstance(world, HttpWorld):
            not_offered()
        sales = [world.sell(2000, Sold.SETTLED) for _ in range(12)]
        refunds = [world.op(Kind.REFUND, 800, sale=sale) for sale in sales]
        world.ledger.fail_next(Fault(effect=False, status=429, headers={"Retry-After": "0"}, body=b""), times=7)

        with ThreadPoolExecutor(6) as pool:
            answers = list(pool.map(world.write, refunds))

        assert sum(answer.reason is Reason.BUSY for answer in answers) == 7
        for sale, answer in zip(sales, answers, strict=True):
            assert world.returned(sale) == (800 if answer.state is State.APPROVED else 0)
