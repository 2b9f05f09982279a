"""The effect of a refund or void on the sums of its sale."""

from __future__ import annotations

from dataclasses import dataclass

from csctl.domain.states import Kind, State


@dataclass(frozen=True)
class Effect:
    """Minor units that are returned for good, and reserved; and whether the sale is voided."""

    refunded: int = 0
    reserved: int = 0
    voids: bool = False


def effect(kind: Kind, state: State, amount: int) -> Effect:
    """The effect of an attempt of this kind in this state. Declined and failed ones have none."""
    if kind.is_return and not state.closed:
        return Effect(reserved=amount)
    if state is State.APPROVED and kind is Kind.REFUND:
        return Effect(refunded=amount)
    return Effect(voids=state is State.APPROVED and kind is Kind.VOID)
