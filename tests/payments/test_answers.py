"""What a transaction keeps of a gateway's answer."""

from __future__ import annotations

import pytest

from csctl.domain.states import State
from csctl.gateways.operations import Answer
from csctl.models import Transaction
from csctl.services.outcomes import answers


@pytest.mark.parametrize(
    ("reference", "kept"), [("re_2", "re_2"), (None, "re_1"), ("", "re_1"), ("re\x1b[1m", "re_1"), ("x" * 201, "re_1")]
)
def test_a_reference_gives_way_only_to_one_that_can_be_read(reference: str | None, kept: str) -> None:
    refund = Transaction(gateway_ref="re_1")

    answers.keep(refund, Answer(State.FAILED, reference))

    assert refund.gateway_ref == kept
