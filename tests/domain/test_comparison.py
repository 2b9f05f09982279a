"""Comparing the books with a gateway's own records."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from csctl.domain.comparison import Booked, Difference, Entry, compare
from csctl.domain.states import Kind, State

KEY = "0123456789abcdef0123456789abcdef"
AT = datetime(2026, 3, 1, tzinfo=UTC)
REFUND = Booked(7, "re_1", Kind.REFUND, State.APPROVED, 800, "USD", AT, "main", key=KEY)
SALE = Booked(3, "ch_1", Kind.SALE, State.APPROVED, 2000, "USD", AT, "main")
ENTRY = Entry("re_1", Kind.REFUND, State.APPROVED, 800, "USD")
CHARGE = Entry("ch_1", Kind.SALE, State.APPROVED, 2000, "USD", voided=False, refunded=0)


def found(books: list[Booked], entries: list[Entry], *, listed: tuple[Kind, ...] = tuple(Kind)) -> list[Difference]:
    return [finding.what for finding in compare(books, entries, listed=listed)]


def test_books_that_agree_have_no_differences() -> None:
    assert found([REFUND, SALE], [CHARGE, ENTRY]) == []


@pytest.mark.parametrize("kept", [32, 20])
def test_a_row_without_a_reference_is_matched_by_our_key_or_its_beginning(kept: int) -> None:
    row = replace(REFUND, reference=None, state=State.FAILED)

    assert found([row], [replace(ENTRY, key=KEY[:kept])]) == [Difference.PAID_AFTER_ALL]
    assert found([row], [replace(ENTRY, key=KEY[:19])]) == [Difference.ONLY_GATEWAY]
    assert found([row], [replace(ENTRY, key=KEY[:20] + "x")]) == [Difference.ONLY_GATEWAY]


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [
        (State.APPROVED, State.DECLINED, [Difference.NOT_PAID]),
        (State.PENDING, State.FAILED, [Difference.NOT_PAID]),
        (State.DECLINED, State.APPROVED, [Difference.PAID_AFTER_ALL]),
        (State.FAILED, State.PENDING, [Difference.PAID_AFTER_ALL]),
        (State.FAILED, State.DECLINED, []),
        (State.PENDING, State.APPROVED, []),
        (State.UNKNOWN, State.APPROVED, [Difference.OPEN]),
        (State.SENT, State.DECLINED, [Difference.OPEN]),
        (State.APPROVED, State.UNKNOWN, []),
    ],
)
def test_states_are_compared_by_whether_money_moved(ours: State, theirs: State, expected: list[Difference]) -> None:
    assert found([replace(REFUND, state=ours)], [replace(ENTRY, state=theirs)]) == expected


def test_amounts_and_currencies_are_compared_where_both_are_known() -> None:
    assert found([REFUND], [replace(ENTRY, amount=801)]) == [Difference.AMOUNT]
    assert found([REFUND], [replace(ENTRY, currency="EUR")]) == [Difference.AMOUNT]
    assert found([REFUND], [replace(ENTRY, amount=None, currency=None)]) == []
    assert found([replace(REFUND, state=State.FAILED)], [replace(ENTRY, amount=1, state=State.FAILED)]) == []


def test_voids_and_what_was_returned_in_all_are_compared() -> None:
    assert found([SALE], [replace(CHARGE, voided=True)]) == [Difference.VOIDED]
    assert found([replace(SALE, voided=True)], [CHARGE]) == [Difference.VOIDED]
    assert found([replace(SALE, at_gateway=500)], [CHARGE]) == [Difference.REFUNDED]
    assert found([SALE], [replace(CHARGE, voided=None, refunded=None)]) == []


def test_a_void_may_have_the_reference_of_its_sale() -> None:
    void = Booked(8, "ch_1", Kind.VOID, State.APPROVED, 2000, "USD", AT, "main")

    assert found([void, replace(SALE, voided=True)], [replace(CHARGE, voided=True)]) == []


def test_an_authorization_that_was_captured_is_a_sale_there() -> None:
    assert found([replace(SALE, kind=Kind.AUTHORIZE)], [CHARGE]) == []


def test_what_only_one_side_knows_is_found() -> None:
    assert found([], [ENTRY]) == [Difference.ONLY_GATEWAY]
    assert found([], [replace(ENTRY, state=State.DECLINED)]) == []
    assert found([REFUND], []) == [Difference.ONLY_BOOKS]
    assert found([replace(REFUND, state=State.FAILED)], []) == []
    assert found([replace(REFUND, state=State.UNKNOWN)], []) == [Difference.OPEN]


def test_a_list_that_is_not_whole_says_nothing_of_what_it_leaves_out() -> None:
    assert found([REFUND], [], listed=()) == []


def test_a_refund_that_was_learned_without_its_reference_is_known_once() -> None:
    sale = replace(SALE, at_gateway=500, unnamed=500)
    learned = Entry("re_9", Kind.REFUND, State.APPROVED, 500, "USD", sale_reference="ch_1")
    charge = replace(CHARGE, refunded=500)

    assert found([sale], [charge, learned]) == []
    assert found([sale], [charge, learned, replace(learned, reference="re_10")]) == [Difference.ONLY_GATEWAY]
    assert found([sale], [charge, replace(learned, sale_reference=None)]) == [Difference.ONLY_GATEWAY]
