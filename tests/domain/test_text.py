"""Text that people typed, and what a terminal makes of it."""

from __future__ import annotations

import gc
import itertools
import random
import sys

import pytest

from csctl.card_numbers import holds_card_number, redacted, without_card_numbers
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
        "4 2 4 2 4 2 4 2 4 2 4 2 4 2 4 2",
        "4242  4242  4242  4242",
        "4242 - 4242 - 4242 - 4242",
        "4242.4242.4242.4242",
        "4242\t4242\n4242\u00a04242",
        "4242\u20134242\u20114242\u22124242",
        "4242\u200b4242\u200b4242\u200b4242",
        "\uff14\uff12\uff14\uff12" * 4,
        "\u0664\u0662\u0664\u0662" * 4,
        "card 4242 4242 4242 4242 12/27 cvv 123",
        "4242424242424242 123",
        "1 4242 4242 4242 4242",
        "exp 12 4242424242424242",
        "3782 822463 10005 03-27",
        "2026-03-02 4242-4242-4242-4242 2026-03-05",
        *(
            f"4242{mark}4242{mark}4242{mark}4242"
            for mark in ("/", "_", ",", "*", ":", "|", ", ", " | ", " " * 50, "\t" * 9)
        ),
        "3782/822463/10005, 12/27",
        "4\ufe0f\u20e32\ufe0f\u20e3" * 8,
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
        "on 2026-03-02 2026-03-05 2026-03-09",
        "30.01.2026 - 01.04.2026",  # begins like Diners and passes Luhn, were it one number
        "from 30-01-2026 01-04-2026 12",
        "call +1 217 555 0100 217 555 0199 217 555 0123",
        "06 12 34 56 78 06 98 76 54 32",
        "1Z 999 AA1 01 2345 6784, 9400 1000 0000 0000 0000 00",
        "ord 55012 55013 55014 55017 55020",
        "0.50 4.99 12.00 19.99 49.00 54.20",
        "4,242,424 and 242,424,242",
        "4/1/2026 - 4/30/2026",
        "30/01/2026 01:04:20",
        "4.99, 12.00, 19.99, 49.00",
    ],
)
def test_other_numbers_are_not_taken_for_cards(text: str) -> None:
    assert not holds_card_number(text)


def test_a_masked_number_keeps_its_last_four_digits_and_its_neighbours() -> None:
    masked = without_card_numbers("on 03-02 4242 4242 4242 4242 12/27, 5555-5555-5555-4444 and ord_12 123456")

    assert masked == "on 03-02 ****4242 12/27, ****4444 and ord_12 123456"


_NETWORKS = (("4", 16), ("5105", 16), ("2720", 16), ("34", 15), ("36", 14), ("3530", 16), ("6011", 16), ("62", 19))
_MARKS = (*"-./_,*:|", "", "   ", " - ", "\u2009", "\u2011", "\uff0f", "\u200b", "\u00b7")


def made_up(choose: random.Random) -> tuple[str, str]:
    """A card number, and how someone writes it."""
    first, length = choose.choice(_NETWORKS)
    begun = first + "".join(choose.choices("0123456789", k=length - len(first) - 1))
    number = next(f"{begun}{check}" for check in range(10) if luhn(f"{begun}{check}"))
    sizes = {14: (4, 6, 4), 15: (4, 6, 5), 16: (4, 4, 4, 4), 19: (4, 4, 4, 4, 3)}[length]
    ends = list(itertools.accumulate(sizes))
    groups = [number[end - size : end] for end, size in zip(ends, sizes, strict=True)]
    return number, choose.choice(_MARKS).join(groups)


def luhn(number: str) -> bool:
    doubled = [int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(number))]
    return sum(value // 10 + value % 10 for value in doubled) % 10 == 0


def test_any_card_number_is_found_and_masked_however_it_is_grouped() -> None:
    choose = random.Random(8)  # noqa: S311 - the same numbers every time
    for _ in range(300):
        number, written = made_up(choose)
        before, after = choose.choice(("", "on 03-02 ", "x")), choose.choice(("", ", exp 12/27", " cvv 123", "x"))
        masked = without_card_numbers(f"{before}{written}{after}")

        assert masked == f"{before}****{number[-4:]}{after}", written
        assert not holds_card_number(redacted(f"{before}{written}{after}"))


@pytest.mark.parametrize(
    "pattern", ["4", "4 ", "4444 ", "4444,", "4" + " " * 40, "4444 " * 4 + "1/", "4242 . . .x", "４ "]
)
def test_the_search_takes_steps_in_proportion_to_the_length(pattern: str) -> None:
    def steps(length: int) -> int:
        text, count = (pattern * length)[:length], 0

        def count_one(*_: object) -> None:
            nonlocal count
            count += 1

        gc.disable()  # finalizers of other objects would be counted, too
        sys.setprofile(count_one)
        try:
            holds_card_number(text)
        finally:
            sys.setprofile(None)
            gc.enable()
        return count

    assert steps(40_000) <= 2 * steps(20_000) + 100
    assert steps(20_000) <= 6 * 20_000


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
