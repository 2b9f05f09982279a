"""The operations: the answer of each, and the gateway's books after it."""

from __future__ import annotations

import pytest

from csctl.domain.reasons import Reason
from csctl.domain.states import Kind, State
from csctl.gateways.conformance.world import Card, HttpWorld, Sold, World, not_offered
from csctl.gateways.operations import Answer, DisputeState, Possible


def wire(world: World) -> int:
    """The number of requests that reached the gateway."""
    return len(world.ledger.wire) if isinstance(world, HttpWorld) else 0


class Effects:
    """Group A."""

    def test_a_charge_takes_the_amount_once(self, world: World) -> None:
        answer = world.write(world.op(Kind.SALE))

        assert (answer.state, answer.reason) == (State.APPROVED, None)
        assert answer.reference
        assert answer.amount in (None, 2000)
        assert answer.currency in (None, world.currency)
        assert world.charged() == 2000

    @pytest.mark.parametrize(
        ("card", "reason"),
        [
            (Card.DECLINED, Reason.DECLINED),
            (Card.SOFT_DECLINED, Reason.SOFT_DECLINED),
            (Card.AUTHENTICATION, Reason.AUTHENTICATION),
        ],
    )
    def test_a_declined_charge_says_whether_it_may_be_repeated(self, world: World, card: Card, reason: Reason) -> None:
        answer = world.write(world.op(Kind.SALE, card=card))

        assert (answer.state, answer.reason) == (State.DECLINED, reason)
        assert world.charged() == 0

    def test_a_charge_that_is_approved_in_part_is_voided_and_declined(self, world: World) -> None:
        answer = world.write(world.op(Kind.SALE, card=Card.PARTIAL))

        assert answer.state is State.DECLINED
        assert world.charged() == 0

    def test_a_charge_of_another_accounts_card_is_refused(self, world: World) -> None:
        answer = world.write(world.op(Kind.SALE, card=Card.UNKNOWN))

        assert answer.state.refused
        assert world.charged() == 0

    @pytest.mark.parametrize("amount", [1500, 2000])
    def test_an_authorization_is_captured_once(self, world: World, amount: int) -> None:
        sale = world.sell(2000, Sold.AUTHORIZED)

        captured = world.write(world.op(Kind.CAPTURE, amount, sale=sale))
        again = world.write(world.op(Kind.CAPTURE, amount, sale=sale))

        assert captured.state is State.APPROVED
        assert captured.amount in (None, amount)
        assert again.state is not State.APPROVED
        assert world.charged() == amount

    def test_an_authorization_takes_nothing_and_can_be_voided(self, world: World) -> None:
        world.sell(2000, Sold.AUTHORIZED)  # left out where there are none
        authorized = world.write(world.op(Kind.AUTHORIZE))
        assert authorized.state is State.APPROVED
        assert world.charged() == 0

        assert world.write(world.op(Kind.VOID, sale=authorized.reference)).state is State.APPROVED
        assert world.is_voided(authorized.reference or "")

    def test_a_captured_sale_is_voided_until_it_settles(self, world: World) -> None:
        possible = world.account.capabilities.void_captured
        sale = world.sell(2000, Sold.SETTLED if possible is Possible.NO else Sold.UNSETTLED)

        answer = world.write(world.op(Kind.VOID, sale=sale))

        if possible is Possible.NO:
            assert (answer.state, answer.reason) == (State.DECLINED, Reason.ALREADY_SETTLED)
        else:
            assert answer.state is State.APPROVED
        assert world.is_voided(sale) is (possible is not Possible.NO)

    def test_a_settled_sale_is_not_voided(self, world: World) -> None:
        sale = world.sell(2000, Sold.SETTLED)

        answer = world.write(world.op(Kind.VOID, sale=sale))

        assert (answer.state, answer.reason) == (State.DECLINED, Reason.ALREADY_SETTLED)
        assert not world.is_voided(sale)

    def test_a_second_void_is_not_taken_for_the_first(self, world: World) -> None:
        sale = world.sell(2000, world.voidable)
        assert world.write(world.op(Kind.VOID, sale=sale)).state is State.APPROVED

        again = world.write(world.op(Kind.VOID, sale=sale))

        assert (again.state, again.reason) == (State.DECLINED, Reason.ALREADY_VOIDED)

    def test_a_voided_sale_is_not_refunded(self, world: World) -> None:
        sale = world.sell(2000, world.voidable)
        world.write(world.op(Kind.VOID, sale=sale))

        answer = world.write(world.op(Kind.REFUND, sale=sale))

        assert answer.state is not State.APPROVED
        assert world.returned(sale) == 0

    def test_parts_are_returned_to_the_last_cent_and_no_more(self, world: World) -> None:
        sale = world.sell(2000, Sold.SETTLED)

        parts = [world.write(world.op(Kind.REFUND, amount, sale=sale)) for amount in (1, 999, 1000)]
        over = world.write(world.op(Kind.REFUND, 1, sale=sale))

        assert [answer.state for answer in parts] == [State.APPROVED] * 3
        assert [answer.amount for answer in parts] in ([1, 999, 1000], [None] * 3)
        assert len({answer.reference for answer in parts} | {sale}) == 4
        assert over.state is State.DECLINED
        assert world.returned(sale) == 2000

    def test_the_amount_of_a_refund_is_always_sent(self, world: World) -> None:
        sale = world.sell(2500, Sold.SETTLED)  # more than csctl knows

        world.write(world.op(Kind.REFUND, 2000, sale=sale))

        assert world.returned(sale) == 2000

    def test_no_more_is_returned_than_the_gateway_has_left(self, world: World) -> None:
        sale = world.sell(2000, Sold.SETTLED)
        world.refund_outside(sale, 1500)

        answer = world.write(world.op(Kind.REFUND, 800, sale=sale))

        assert (answer.state, answer.reason) == (State.DECLINED, Reason.OVER_AMOUNT)
        assert world.returned(sale) == 1500

    def test_an_unsettled_sale_is_refunded_only_where_the_account_does_so(self, world: World) -> None:
        sale = world.sell(2000, world.voidable)

        answer = world.write(world.op(Kind.REFUND, 800, sale=sale))

        assert world.returned(sale) == (800 if answer.state is State.APPROVED else 0)
        if world.account.capabilities.refund_unsettled is Possible.NO:
            assert (answer.state, answer.reason) == (State.DECLINED, Reason.NOT_SETTLED)

    @pytest.mark.parametrize("kind", [Kind.VOID, Kind.REFUND, Kind.CAPTURE])
    def test_a_sale_that_the_account_does_not_know_is_named_so(self, world: World, kind: Kind) -> None:
        answer = world.write(world.op(kind, sale=world.unknown))

        assert answer.state.refused
        assert answer.reason is Reason.UNKNOWN_REFERENCE

    def test_a_disputed_sale_is_not_taken_for_refunded(self, world: World) -> None:
        sale = world.sell(2000, Sold.SETTLED)
        world.dispute(sale, DisputeState.OPEN)

        answer = world.write(world.op(Kind.REFUND, 800, sale=sale))

        assert world.returned(sale) == (800 if answer.state is State.APPROVED else 0)
        assert answer.reason in (None, Reason.DISPUTED)

    @pytest.mark.parametrize("amount", [0, -100, 10**10])
    def test_an_amount_that_cannot_be_meant_is_never_sent(self, world: World, amount: int) -> None:
        if not isinstance(world, HttpWorld):
            not_offered()
        sale = world.sell(2000, Sold.SETTLED)

        answers = [world.write(world.op(Kind.SALE, amount)), world.write(world.op(Kind.REFUND, amount, sale=sale))]

        assert {(answer.state, answer.reason) for answer in answers} == {(State.FAILED, Reason.REFUSED)}
        assert wire(world) == 0

    @pytest.mark.parametrize("currency", ["JPY", "KWD", "ISK", "XXX", "USDX"])
    def test_an_amount_means_the_same_in_every_currency(self, world: World, currency: str) -> None:
        answer = world.write(world.op(Kind.SALE, 5000, currency=currency))

        if answer.state is State.APPROVED:
            assert answer.amount in (None, 5000)
            assert answer.currency in (None, currency)
        else:
            assert (answer.state, answer.reason) == (State.FAILED, Reason.REFUSED)
            assert wire(world) == 0

    @pytest.mark.parametrize("reference", ["", "../1", "a b", "0\r\nX: 1"])
    def test_a_reference_of_another_gateway_moves_nothing(self, world: World, reference: str) -> None:
        for kind in (Kind.VOID, Kind.REFUND, Kind.CAPTURE):
            answer = world.write(world.op(kind, sale=reference))
            assert answer.state is not State.APPROVED

    def test_two_equal_refunds_are_two(self, world: World) -> None:
        sale = world.sell(2000, Sold.SETTLED)

        first, second = (world.write(world.op(Kind.REFUND, 800, sale=sale)) for _ in range(2))

        assert first.state is State.APPROVED
        assert second.state is State.APPROVED or _taken_for_a_duplicate(second)
        assert first.reference != second.reference
        assert world.returned(sale) == 800 * (1 + (second.state is State.APPROVED))

    def test_one_attempt_that_is_sent_twice_is_paid_once_or_said_to_be_two(self, world: World) -> None:
        sale = world.sell(2000, Sold.SETTLED)
        refund = world.op(Kind.REFUND, 800, sale=sale)

        first, again = world.write(refund), world.write(refund)

        assert first.state is State.APPROVED
        if world.account.capabilities.keys_live:
            assert (again.state, again.reference) == (State.APPROVED, first.reference)
            assert world.returned(sale) == 800
        else:
            paid_again = again.state is State.APPROVED
            assert paid_again or _taken_for_a_duplicate(again)
            assert world.returned(sale) == 800 * (1 + paid_again)

    def test_a_refund_that_is_decided_later_is_pending(self, world: World) -> None:
        world.pend_refunds()
        sale = world.sell(2000, Sold.SETTLED)

        assert world.write(world.op(Kind.REFUND, 800, sale=sale)).state is State.PENDING


def _taken_for_a_duplicate(answer: Answer) -> bool:
    return (answer.state, answer.reason) == (State.UNKNOWN, Reason.DUPLICATE)
