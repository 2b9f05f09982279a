"""What a refund or void does to the books of the sale it belongs to."""

from __future__ import annotations

from dataclasses import dataclass

from csctl.domain.states import Kind, State


@dataclass(frozen=True)
class Effect:
    """Minor units returned for good, and spoken for; and whether the sale is voided."""

    refunded: int = 0
    reserved: int = 0
    voids: bool = False


def effect(kind: Kind, state: State, amount: int) -> Effect:
    """What an attempt of this kind comes to in this state. Declined and failed ones change nothing."""
    if kind.is_return and not state.closed:
        return Effect(reserved=amount)
    if state is State.APPROVED and kind is Kind.REFUND:
        return Effect(refunded=amount)
    return Effect(voids=state is State.APPROVED and kind is Kind.VOID)
