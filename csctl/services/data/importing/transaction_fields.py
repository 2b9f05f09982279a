"""What a row says of a transaction: facts, which stay, and details, which may be learnt later."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from csctl.domain.booking import Effect, effect
from csctl.domain.states import Kind, Outside, Settlement, State
from csctl.errors import Conflict, Usage
from csctl.models import Transaction
from csctl.services.data.importing.cells import Cells
from csctl.services.data.importing.context import Columns, given


@dataclass(frozen=True)
class Facts:
    """What stays as it is once it is on the books, and the state. `amount` is in minor units of its currency."""

    kind: Kind
    amount: int
    currency: str
    state: State
    gateway: str
    parent_id: int | None
    outside: Outside | None
    outside_reference: str | None

    @property
    def effect(self) -> Effect:
        """What it does to the sums of its sale."""
        return effect(self.kind, self.state, self.amount)

    def fixed(self) -> Columns:
        """All but the state."""
        return {name: value for name, value in given(**vars(self)).items() if name != "state"}


@dataclass
class Details:
    """What may be learnt later. What is None stays as it is."""

    purchase_id: int | None
    payment_method_id: int | None
    gateway_ref: str | None
    gateway_code: str | None
    gateway_request_id: str | None
    network_ref: str | None
    created_at: datetime | None  # times are in UTC
    cycle: int | None
    settlement: Settlement | None
    settled_at: datetime | None
    voided_at: datetime | None
    disputed_at: datetime | None
    duplicate_at: datetime | None
    finished_at: datetime | None = None


def outside(row: Cells, kind: Kind, state: State) -> tuple[Outside | None, str | None]:
    """How money was returned that no gateway was asked for, and its reference. Raises Usage."""
    how, reference = row.word("outside", Outside), row.text("outside_reference")
    if (how or reference) and (kind is not Kind.REFUND or state is not State.APPROVED):
        raise Usage(f"outside: a {kind.value} that is {state.value} is not money returned elsewhere")
    if reference and how is None:
        raise Usage("outside is missing", cause="there is an outside_reference", fix=f"one of: {', '.join(Outside)}")
    return how, reference


def marks(row: Cells, facts: Facts, existing: Transaction | None, created_at: datetime) -> dict[str, datetime | None]:
    """When a charge was voided, is disputed since, or was found to stand in the books twice. Raises Usage, Conflict."""
    found = {name: row.mark(name, created_at) for name in ("voided", "disputed", "duplicate")}
    for name, moment in found.items():
        of_such = facts.kind.is_charge if name == "voided" else facts.kind.takes_money
        if moment and not (of_such and facts.state is State.APPROVED):
            raise Usage(f"{name}: a {facts.kind.value} that is {facts.state.value} cannot be {name}")
    voided = found["voided"]
    if voided and (row.word("settlement", Settlement) is Settlement.SETTLED):
        raise Usage("voided: what has settled cannot be voided", fix="import a refund of it")
    if existing and existing.voided_at is None and voided and existing.refunded + existing.reserved:
        raise Conflict("voided: something of it is refunded, or being refunded")
    return found


def settlement(
    row: Cells, facts: Facts, existing: Transaction | None, created_at: datetime
) -> tuple[Settlement | None, datetime | None]:
    """Whether the money has moved, and when. A charge that does not say is taken to be pending. Raises Usage."""
    said, settled_at = row.word("settlement", Settlement), row.time("settled_at")
    if said is None and settled_at:
        said = Settlement.SETTLED
    if said is Settlement.UNSETTLED and settled_at:
        raise Usage("settled_at: it is unsettled, and so was not settled at any time")
    if said and facts.state is not State.APPROVED:
        raise Usage(f"settlement: what is {facts.state.value} does not settle")
    if said is Settlement.SETTLED:
        return said, settled_at or (existing and existing.settled_at) or created_at
    if said is None and existing is None and facts.kind.is_charge and facts.state is State.APPROVED:
        said = Settlement.UNSETTLED
    if existing and existing.settlement is Settlement.SETTLED:
        return None, None  # the gateway has said so since the file was written
    return said, settled_at
