"""What questions to a gateway have in common: records that are missing, lists without an end, attempts found by key."""

from __future__ import annotations

from collections.abc import Sequence

from csctl.errors import Unreachable
from csctl.gateways.operations import Ambiguous, Found

MOST_PAGES = 10_000  # a longer list is a fault of the gateway


def no_answer(cause: str) -> Unreachable:
    """The error for an answer that says nothing about what was asked."""
    return Unreachable("the gateway cannot answer now", cause=cause)


def endless() -> Unreachable:
    return no_answer("its list has no end")


class NoRecord(Unreachable):
    """The account does not have the record. Where all accounts have it, another server answers."""

    def __init__(self) -> None:
        super().__init__("the gateway cannot answer now", cause="it does not have what every account has")


def one_of(keyed: Sequence[Found]) -> Found | Ambiguous | None:
    """The operation among those with csctl's key. If two moved money, a person decides."""
    keyed = list({found.answer.reference: found for found in keyed}.values())  # a list may show one twice
    moved = [found for found in keyed if not found.answer.state.refused]
    if len(moved) > 1:
        return Ambiguous(tuple(found.answer.reference or "" for found in keyed))
    return next(iter(moved or keyed), None)
