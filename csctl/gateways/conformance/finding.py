"""Find an attempt whose answer was lost: the found one is csctl's, and a missing one is certainly absent."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from csctl.domain.states import Kind, State
from csctl.gateways.conformance.world import Card, Sold, World
from csctl.gateways.operations import Absent, Ambiguous, Found, Operation
from csctl.gateways.protocol import UnknownReference


def found(result: object) -> Found:
    assert isinstance(result, Found), result
    return result


class Finding:
    """Group D."""

    @pytest.mark.parametrize("effect", [True, False], ids=["done", "not done"])
    def test_a_refund_whose_answer_was_lost(self, world: World, effect: bool) -> None:
        world.lose_next(effect=effect)
        refund = world.op(Kind.REFUND, 800, sale=world.sell(2000, Sold.SETTLED))
        assert world.write(refund).state is State.UNKNOWN

        result = world.account.find(refund)

        if effect:
            answer = found(result).answer
            assert (answer.state, answer.amount) == (State.APPROVED, 800)
            assert answer.reference
        else:
            assert isinstance(result, Absent)
        assert world.returned(_sale(refund)) == (800 if effect else 0)

    @pytest.mark.parametrize("effect", [True, False], ids=["done", "not done"])
    def test_a_void_whose_answer_was_lost(self, world: World, effect: bool) -> None:
        world.lose_next(effect=effect)
        void = world.op(Kind.VOID, sale=world.sell(2000, world.voidable))
        assert world.write(void).state is State.UNKNOWN

        result = world.account.find(void)

        if effect:
            assert found(result).answer.state is State.APPROVED
        else:
            assert isinstance(result, Absent)

    @pytest.mark.parametrize("effect", [True, False], ids=["done", "not done"])
    def test_a_charge_whose_answer_was_lost(self, world: World, effect: bool) -> None:
        world.lose_next(effect=effect)
        charge = world.op(Kind.SALE)
        assert world.write(charge).state is State.UNKNOWN

        result = world.account.find(charge)

        if effect:
            answer = found(result).answer
            assert (answer.state, answer.amount) == (State.APPROVED, 2000)
        else:
            assert isinstance(result, Absent)
        assert world.charged() == (2000 if effect else 0)

    def test_a_capture_whose_answer_was_lost(self, world: World) -> None:
        capture = world.op(Kind.CAPTURE, 1500, sale=world.sell(2000, Sold.AUTHORIZED))
        assert isinstance(world.account.find(capture), Absent)

        world.write(capture)

        assert found(world.account.find(capture)).answer.amount == 1500

    def test_a_declined_charge_is_not_taken_for_an_approved_one(self, world: World) -> None:
        approved, declined = world.op(Kind.SALE), world.op(Kind.SALE, card=Card.SOFT_DECLINED)
        world.write(approved)
        world.write(declined)

        assert found(world.account.find(approved)).answer.state is State.APPROVED
        assert found(world.account.find(declined)).answer.state is State.DECLINED

    def test_a_sibling_is_not_taken_for_the_attempt(self, world: World) -> None:
        sale = world.sell(2000, Sold.SETTLED)
        sibling, lost = world.op(Kind.REFUND, 500, sale=sale), world.op(Kind.REFUND, 800, sale=sale)
        world.write(sibling)

        assert isinstance(world.account.find(lost), Absent)
        assert found(world.account.find(sibling)).answer.amount == 500

    def test_a_refund_by_others_is_not_taken_for_the_attempt(self, world: World) -> None:
        sale = world.sell(2000, Sold.SETTLED)
        refund = world.op(Kind.REFUND, 800, sale=sale)
        world.refund_outside(sale, 800)

        assert not isinstance(world.account.find(refund), Found)

    def test_a_refund_among_many_is_found(self, world: World) -> None:
        sale = world.sell(200_00, Sold.SETTLED)
        refund = world.op(Kind.REFUND, 800, sale=sale, sold=200_00)
        world.write(refund)
        for _ in range(120):
            world.refund_outside(sale, 100)

        assert found(world.account.find(refund)).answer.amount == 800

    def test_our_key_with_another_amount_is_not_what_was_asked_for(self, world: World) -> None:
        refund = world.op(Kind.REFUND, 500, sale=world.sell(2000, Sold.SETTLED))
        world.write(refund)

        result = world.account.find(replace(refund, amount=800))

        assert isinstance(result, Ambiguous) or found(result).answer.amount == 500

    def test_two_operations_with_our_key_are_for_a_person(self, world: World) -> None:
        sale = world.sell(2000, Sold.SETTLED)
        refund = world.op(Kind.REFUND, 500, sale=sale)
        for _ in range(2):
            world.write(refund)

        result = world.account.find(refund)

        assert isinstance(result, Ambiguous if world.returned(sale) > 500 else Found)

    @pytest.mark.parametrize("ahead", [timedelta(minutes=9), -timedelta(minutes=9)], ids=["ahead", "behind"])
    def test_the_clocks_may_differ(self, world: World, ahead: timedelta) -> None:
        for op in (world.op(Kind.SALE), world.op(Kind.REFUND, 500, sale=world.sell(2000, Sold.SETTLED))):
            ours = replace(op, sent_at=op.sent_at + ahead)
            world.write(ours)
            assert found(world.account.find(ours)).answer.state is State.APPROVED

    @pytest.mark.parametrize("kind", [Kind.VOID, Kind.REFUND, Kind.CAPTURE])
    def test_a_sale_that_the_account_does_not_know_means_another_account(self, world: World, kind: Kind) -> None:
        with pytest.raises(UnknownReference):
            world.account.find(world.op(kind, sale=world.unknown))
        with pytest.raises(UnknownReference):
            world.account.lookup(world.unknown, Kind.SALE)

    def test_a_card_that_the_account_does_not_know_means_another_account(self, world: World) -> None:
        with pytest.raises(UnknownReference):
            world.account.find(world.op(Kind.SALE, card=Card.UNKNOWN))


def _sale(op: Operation) -> str:
    assert op.sale
    return op.sale.reference
