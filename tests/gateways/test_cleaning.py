"""What csctl keeps of the texts and ids that a gateway sends."""

from __future__ import annotations

import pytest

from csctl.gateways.cleaning import clean, identifier


def test_an_id_is_kept_as_it_is() -> None:
    assert identifier("req_4Xy/9=") == "req_4Xy/9="
    assert identifier("123456789012345") == "123456789012345"


@pytest.mark.parametrize("text", [None, "", "x" * 101, "req\x1b[1m", "4242 4242 4242 4242", "4242424242424242"])
def test_an_id_that_is_too_long_or_may_be_a_card_number_is_not_kept(text: str | None) -> None:
    assert identifier(text) is None


def test_a_code_with_a_card_number_keeps_its_last_four_digits() -> None:
    assert clean("E12 4242424242424242") == "E12 ****4242"
