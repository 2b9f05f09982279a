"""Charges that a gateway approved for less than was asked."""

from __future__ import annotations

from collections.abc import Callable

from csctl.domain.reasons import Reason
from csctl.domain.states import State
from csctl.errors import Misconfigured
from csctl.gateways.operations import Answer


def undone(void: Callable[[], Answer], reference: str, code: str) -> Answer:
    """The answer to such a charge, which is voided. Declined only once the void is confirmed."""
    try:
        confirmed = void().state is State.APPROVED
    except Misconfigured:
        confirmed = False
    if confirmed:
        return Answer(State.DECLINED, reference, Reason.DECLINED, "approved for a part only, and voided", code=code)
    return Answer(State.UNKNOWN, reference, message="approved for a part only, and not voided yet", code=code)
