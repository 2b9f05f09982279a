"""Changes: all changes since a cursor, however often they were read before."""

from __future__ import annotations

from datetime import timedelta

import pytest

from csctl.domain.states import Kind, Settlement, State
from csctl.gateways.conformance.world import Sold, World, not_offered
from csctl.gateways.operations import Change, Found


class Changes:
    """Group F."""

    def test_sales_and_refunds_of_all_are_reported(self, world: World) -> None:
        sale = world.sell(2000, Sold.SETTLED)
        ours = world.op(Kind.REFUND, 800, sale=sale)
        refund = world.write(ours).reference or ""
        theirs = world.refund_outside(sale, 500)

        seen = {change.reference: change for change in _changes(world, None)}
        looks = _looks(world, None)

        assert ours.key.startswith(seen[refund].key or "none")
        assert {seen[refund].sale_reference, seen[theirs].sale_reference} <= {sale, None}
        assert [looks[one].answer.amount for one in (refund, theirs)] == [800, 500]
        if world.account.capabilities.tells_refunded_total:
            assert looks[sale].refunded_total == 1300
        else:
            assert seen[theirs].sale_reference == sale

    def test_what_happens_to_older_ones_is_reported(self, world: World) -> None:
        sale = world.sell(2000, Sold.UNSETTLED)
        cursor = _last(world, None)

        world.now += timedelta(days=1)
        world.settle()

        assert _looks(world, cursor)[sale].settlement is Settlement.SETTLED

    @pytest.mark.parametrize("days", [3, 28, 50])
    def test_a_refund_that_comes_back_is_reported(self, world: World, days: int) -> None:
        refund = world.write(world.op(Kind.REFUND, 800, sale=world.sell(2000, Sold.SETTLED))).reference or ""
        world.settle()
        cursor = _last(world, None)
        if timedelta(days=days) > world.account.capabilities.refund_watch:
            not_offered()
        world.now += timedelta(days=days)
        world.bring_back(refund)

        assert _looks(world, cursor)[refund].answer.state is State.FAILED

    def test_what_is_read_again_says_the_same(self, world: World) -> None:
        sale = world.sell(2000, Sold.SETTLED)
        world.write(world.op(Kind.REFUND, 800, sale=sale))
        first = _looks(world, None)

        again, later = _looks(world, None), _looks(world, _last(world, None))

        assert again == first
        assert later.items() <= first.items()

    def test_an_interrupted_reading_resumes_where_it_stopped(self, world: World) -> None:
        for day in range(3):
            world.now += timedelta(days=1)
            for _ in range(2):
                world.sell(1000 + day, Sold.SETTLED)
        everything = _changes(world, None)

        for read in range(1, len(everything)):
            rest = {change.reference for change in _changes(world, everything[read - 1].cursor)}
            assert {change.reference for change in everything} <= rest | {one.reference for one in everything[:read]}

    @pytest.mark.parametrize("cursor", ["", "invented", "0"])
    def test_a_cursor_that_cannot_be_read_is_none(self, world: World, cursor: str) -> None:
        sale = world.sell(2000, Sold.SETTLED)

        assert sale in {change.reference for change in _changes(world, cursor)}

    def test_the_records_of_a_period_have_all_that_was_made_in_it(self, world: World) -> None:
        if not world.account.capabilities.records:
            not_offered()
        charge = world.op(Kind.SALE)
        sale = world.write(charge).reference or ""
        old = world.sell(2000, Sold.SETTLED)
        refund = world.op(Kind.REFUND, 800, sale=old)
        refunded = world.write(refund).reference or ""

        period = (world.now - timedelta(days=1), world.now + timedelta(days=1))
        seen = {entry.reference: entry for entry in world.account.records(*period)}

        for reference, op in ((sale, charge), (refunded, refund)):
            entry = seen[reference]
            assert (entry.kind, entry.amount, entry.state) == (op.kind, op.amount, State.APPROVED)
            assert entry.key
            assert op.key.startswith(entry.key)
        later = world.account.records(world.now + timedelta(days=20), world.now + timedelta(days=21))
        assert not {entry.reference for entry in later} & {sale, refunded}


def _changes(world: World, cursor: str | None) -> list[Change]:
    if not world.account.capabilities.changes:
        not_offered()
    return list(world.account.changes(cursor))


def _looks(world: World, cursor: str | None) -> dict[str, Found]:
    """The state of each reference by the changes; if they lack it, by a look-up."""
    account = world.account
    changes = _changes(world, cursor)
    return {one.reference: one.found or account.lookup(one.reference, one.kind) for one in changes}


def _last(world: World, cursor: str | None) -> str:
    return _changes(world, cursor)[-1].cursor
