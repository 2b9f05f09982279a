"""Text that people typed, and what a terminal makes of it."""

from __future__ import annotations

import pytest

from csctl.domain.cards import holds_card_number
from csctl.domain.text import LONGEST, accept, digits, fold, printable
from csctl.errors import Usage


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Bjørn ", "bjorn"),
        ("MÜLLER", "muller"),
        ("  Ann   Lee ", "ann lee"),
        ("Straße", "strasse"),
        (None, ""),
        ("Łódź", "lodz"),
    ],
)
def test_search_compares_without_case_accents_and_spaces(text: str | None, folded: str) -> None:
    assert fold(text) == folded


def test_digits_are_those_of_a_keyboard() -> None:
    assert digits("+49 (0)30 123-45") == "4903012345"
    assert digits("٣4") == "4"


@pytest.mark.parametrize(
    "text",
    [
        "4242424242424242",
        "4242 4242 4242 4242",
        "4242-4242-4242-4242",
        "paid with 5555555555554444, thanks",
        "378282246310005",
        "6011111111111117",
        "30569309025904",
        "3530111333300000",
        "2223003122003222",
        "4222222222222",
        "6304000000000000",
        "x4242424242424242x",
    ],
)
def test_a_card_number_is_seen(text: str) -> None:
    assert holds_card_number(text)


@pytest.mark.parametrize(
    "text",
    [
        "4242424242424241",  # fails Luhn
        "1234567812345670",  # passes Luhn, and no network begins so
        "424242424242",  # too short
        "42424242424242424242",  # too long
        "+49 30 1234567",
        "4242 4242",
        "order 1000000000017",
        "",
    ],
)
def test_other_numbers_are_not_taken_for_cards(text: str) -> None:
    assert not holds_card_number(text)


def test_accepted_text_is_trimmed_and_otherwise_kept() -> None:
    assert accept("  Called – café ☕\t", "note") == "Called – café ☕"
    assert accept("one\ntwo", "note", lines=True) == "one\ntwo"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("4242 4242 4242 4242", "card number"),
        ("a\0b", "no text"),
        ("a\ud800b", "no text"),
        ("one\ntwo", "one line"),
        ("one\u2028two", "one line"),
        ("x" * 501, "too long"),
    ],
)
def test_text_that_cannot_be_kept_is_refused_and_says_why(text: str, why: str) -> None:
    with pytest.raises(Usage, match=why) as caught:
        accept(text, "name")

    assert text not in str(caught.value.message)


def test_a_note_may_be_long_but_not_endless() -> None:
    assert accept("x" * LONGEST, "note", longest=LONGEST)
    with pytest.raises(Usage):
        accept("x" * (LONGEST + 1), "note", longest=LONGEST)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Jane", "Jane"),
        ("Bjørn 東京 ☕", "Bjørn 東京 ☕"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("a\u202eb", "a\\u202eb"),
        ("a\u200bb", "a\\u200bb"),
        ("a\nb\tc\rd", "a\\nb\\tc\\rd"),
        ("a\x9b31mb", "a\\x9b31mb"),
        ("a\u2028b", "a\\u2028b"),
        ("a\U000e0041b", "a\\U000e0041b"),
        ("a\ud800b", "a\\ud800b"),
    ],
)
def test_nothing_that_a_terminal_would_act_on_is_shown_raw(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_a_text_of_several_lines_keeps_its_lines() -> None:
    assert printable("a\nb\x1b", lines=True) == "a\nb\\x1b"
