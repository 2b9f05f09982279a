"""The account that answers, and its capabilities."""

from __future__ import annotations

from datetime import timedelta

import pytest

from csctl.domain.states import Kind
from csctl.errors import Misconfigured
from csctl.gateways.conformance.world import HttpWorld, Sold, World
from csctl.gateways.operations import Finds


class Accounts:
    """Group G."""

    def test_the_identity_of_an_account_stays(self, world: World) -> None:
        assert world.account.identity() == world.another().identity()

    def test_credentials_that_are_refused_are_no_answer(self, world: World) -> None:
        sale = world.sell(2000, Sold.SETTLED)
        wrong = world.another(right=False)
        refund = world.op(Kind.REFUND, 800, sale=sale)

        for call in (
            wrong.identity,
            lambda: wrong.refund(refund),
            lambda: wrong.charge(world.op(Kind.SALE)),
            lambda: wrong.lookup(sale, Kind.SALE),
            lambda: wrong.find(refund),
        ):
            with pytest.raises(Misconfigured):
                call()
        assert world.returned(sale) == world.charged() - 2000 == 0

    def test_a_check_names_what_is_wrong_and_only_reads(self, world: World) -> None:
        sale = world.sell(2000, Sold.SETTLED)

        assert list(world.account.check()) == []
        (problem, *_) = world.another(right=False).check()
        assert problem.what
        assert problem.fix
        assert world.returned(sale) == 0
        assert not isinstance(world, HttpWorld) or world.ledger.written() == []

    def test_what_an_account_can_do_is_plausible(self, world: World) -> None:
        can = world.account.capabilities

        assert timedelta(0) < can.deadline <= timedelta(seconds=90)
        if can.finds is not Finds.NOTHING:
            assert can.absence_final_after.keys() >= {Kind.SALE, Kind.VOID, Kind.REFUND}
        if can.resend_after_absence:
            assert can.keys_live
