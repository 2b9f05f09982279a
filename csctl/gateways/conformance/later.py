"""Later changes of a sale or refund: lookups report them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from csctl.domain.reasons import Reason
from csctl.domain.states import Kind, Settlement, State
from csctl.gateways.conformance.world import Sold, World, not_offered
from csctl.gateways.operations import DisputeState


class Later:
    """Group E."""

    def test_a_sale_settles(self, world: World) -> None:
        if not world.account.capabilities.reports_settlement:
            not_offered()
        sale = world.sell(2000, Sold.UNSETTLED)
        look = world.account.lookup(sale, Kind.SALE)
        assert (look.settlement, look.settled_at, look.captured) == (Settlement.UNSETTLED, None, True)

        world.now += timedelta(days=1)
        world.settle()
        look = world.account.lookup(sale, Kind.SALE)

        assert look.settlement is Settlement.SETTLED
        assert look.settled_at
        assert look.settled_at <= world.now

    def test_an_authorization_does_not_settle(self, world: World) -> None:
        sale = world.sell(2000, Sold.AUTHORIZED)

        look = world.account.lookup(sale, Kind.AUTHORIZE)

        assert look.answer.state is State.APPROVED
        assert look.settlement is not Settlement.SETTLED
        assert not look.captured

    def test_a_void_by_others_shows(self, world: World) -> None:
        sale = world.sell(2000, world.voidable)
        assert not world.account.lookup(sale, Kind.SALE).voided

        world.void_outside(sale)

        assert world.account.lookup(sale, Kind.SALE).voided

    def test_what_was_returned_in_all_shows(self, world: World) -> None:
        sale = world.sell(2000, Sold.SETTLED)
        totals = [world.account.lookup(sale, Kind.SALE).refunded_total]
        world.write(world.op(Kind.REFUND, 100, sale=sale))
        for amount in (500, 1400):
            world.refund_outside(sale, amount)
            totals.append(world.account.lookup(sale, Kind.SALE).refunded_total)

        tells = world.account.capabilities.tells_refunded_total
        assert totals == ([0, 600, 2000] if tells else [None] * 3)

    def test_a_capture_of_a_part_returns_nothing(self, world: World) -> None:
        sale = world.sell(2000, Sold.AUTHORIZED)
        captured = world.write(world.op(Kind.CAPTURE, 1500, sale=sale)).reference or sale

        look = world.account.lookup(captured, Kind.CAPTURE)

        assert look.answer.amount == 1500
        assert not look.refunded_total

    @pytest.mark.parametrize("days", [0, 5, 29])
    def test_a_refund_comes_back(self, world: World, days: int) -> None:
        refund = world.op(Kind.REFUND, 800, sale=world.sell(2000, Sold.SETTLED))
        reference = world.write(refund).reference or ""
        world.now += timedelta(days=days)
        world.settle()
        assert world.account.lookup(reference, Kind.REFUND).answer.state is State.APPROVED

        world.bring_back(reference)

        answer = world.account.lookup(reference, Kind.REFUND).answer
        assert answer.state is State.FAILED
        assert answer.reason in (Reason.RETURNED, Reason.CARD_CLOSED)

    def test_a_refund_that_others_take_back_was_never_paid(self, world: World) -> None:
        refund = world.op(Kind.REFUND, 800, sale=world.sell(2000, Sold.SETTLED))
        reference = world.write(refund).reference or ""

        world.void_outside(reference)

        answer = world.account.lookup(reference, Kind.REFUND).answer
        assert (answer.state, answer.reason) == (State.FAILED, Reason.NEVER_EXECUTED)

    @pytest.mark.parametrize("state", DisputeState)
    def test_a_dispute_shows(self, world: World, state: DisputeState) -> None:
        sale = world.sell(2000, Sold.SETTLED)
        assert world.account.lookup(sale, Kind.SALE).dispute is None

        world.dispute(sale, state)

        dispute = world.account.lookup(sale, Kind.SALE).dispute
        assert dispute
        assert dispute.state is state
        assert dispute.amount in (None, 2000)
