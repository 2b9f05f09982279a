"""What a transaction may belong to, and the booking of refunds and voids on their sale."""

from __future__ import annotations

from collections.abc import Container
from datetime import datetime

from csctl.domain.booking import Effect
from csctl.domain.money import Money
from csctl.domain.states import Kind, Settlement, State
from csctl.errors import Conflict, Usage
from csctl.models import Transaction


def check_kind(kind: Kind, parent: Transaction | None, order_id: int, gateway: str) -> None:
    """Raises Usage if this kind of transaction cannot belong to this parent, or needs one."""
    if parent is None:
        if kind.is_return:
            raise Usage(f"parent is missing: a {kind.value} needs the external_id of its sale")
        return
    if not kind.may_belong_to(parent.kind) or parent.state is not State.APPROVED:
        raise Usage(f"parent: a {kind.value} cannot belong to a {parent.kind.value} that is {parent.state.value}")
    if parent.order_id != order_id:
        raise Usage("parent: it belongs to another order")
    if parent.gateway != gateway:
        raise Usage(f"gateway: the {parent.kind.value} was made at {parent.gateway}, and so is its {kind.value}")


def book(
    parent: Transaction, amount: int, old: Effect, new: Effect, *, at: datetime, voids: Container[int] = ()
) -> None:
    """Put what a refund or void comes to on the books of its sale, instead of what it came to before.

    `amount` is its own, in minor units. `voids` are the charges that have an approved void: one that is only marked as
    voided still takes the void that did it. Raises Conflict, without a change, if the sums do not allow it.
    """
    refunded = parent.refunded - old.refunded + new.refunded
    reserved = parent.reserved - old.reserved + new.reserved
    if new.voids:
        if parent.id in voids:
            raise Conflict("parent: it is voided already")
        _check_void(parent, amount, refunded + reserved)
    elif new != Effect() and parent.voided_at:
        raise Conflict("parent: it is voided, nothing of it can be refunded")
    if refunded + reserved > parent.amount:
        left = Money(parent.amount - parent.refunded - parent.reserved, parent.currency)
        raise Conflict(
            f"amount: {Money(amount, parent.currency)} is more than the remaining amount of the sale, {left}"
        )
    parent.refunded, parent.reserved = refunded, reserved
    if new.voids:
        parent.voided_at = parent.voided_at or at


def _check_void(parent: Transaction, amount: int, returned: int) -> None:
    if parent.settlement is Settlement.SETTLED:
        raise Conflict("parent: it has settled, and what has settled cannot be voided", fix="import a refund of it")
    if returned:
        raise Conflict("parent: something of it is refunded, or being refunded")
    if amount != parent.amount:
        raise Conflict(f"amount: a void is for the whole, {Money(parent.amount, parent.currency)}")
